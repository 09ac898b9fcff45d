//! Addresses that must be refused, and addresses that must not.

use super::*;

/// No address of the public internet, as an address.
const BAD_ADDRESSES: &str = "
0.0.0.0 0.0.0.1 0.1.2.3 0.255.255.255 10.0.0.0 10.0.0.1 10.1.2.3 10.10.10.10 10.96.0.1 10.255.255.255
100.64.0.0 100.64.0.1 100.100.100.200 100.127.255.254 100.127.255.255 127.0.0.0 127.0.0.1 127.0.0.53 127.0.1.1 127.1.1.1
127.127.127.127 127.255.255.254 127.255.255.255 168.63.129.16 169.254.0.0 169.254.0.1 169.254.169.123 169.254.169.253
169.254.169.254 169.254.170.2 169.254.170.23 169.254.255.255 172.16.0.0 172.16.0.1 172.17.0.1 172.18.0.2 172.20.10.1 172.24.0.1
172.31.0.1 172.31.255.255 192.0.0.0 192.0.0.1 192.0.0.8 192.0.0.170 192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.1 192.0.2.255
192.31.196.1 192.52.193.1 192.88.99.0 192.88.99.1 192.88.99.255 192.168.0.0 192.168.0.1 192.168.1.1 192.168.1.254 192.168.99.100
192.168.122.1 192.168.255.255 192.175.48.1 198.18.0.0 198.18.0.1 198.19.0.1 198.19.255.255 198.51.100.0 198.51.100.1
198.51.100.255 203.0.113.0 203.0.113.1 203.0.113.255 224.0.0.0 224.0.0.1 224.0.0.251 232.1.1.1 233.252.0.1 239.255.255.250
239.255.255.255 240.0.0.0 240.0.0.1 250.1.2.3 254.255.255.255 255.0.0.1 255.255.255.254 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::10.0.0.1 ::169.254.169.254 ::ffff:0.0.0.0 ::ffff:10.0.0.1 ::ffff:100.64.0.1 ::ffff:127.0.0.1
::ffff:127.1.2.3 ::ffff:169.254.169.254 ::ffff:172.16.0.1 ::ffff:192.168.1.1 ::ffff:198.18.0.1 ::ffff:224.0.0.1
::ffff:255.255.255.255 ::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254
64:ff9b::192.168.0.1 64:ff9b::8.8.8.8 64:ff9b:1::10.0.0.1 64:ff9b:1:2::1 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1::1
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff::1
2001:db8::1 2001:db8:1:2:3:4:5:6 2001:db8:ffff::1 2002::1 2002:7f00:1::1 2002:a00:1::1 2002:a9fe:a9fe::1 2002:c0a8:101::1
2002:808:808::1 2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 6000::1 8000::1 c000::1 fc00::1 fc00::ffff
fd00::1 fd00:ec2::254 fd00:ec2::23 fd12:3456:789a:1::1 fd20:ce::254 fdff:ffff::1 fe00::1 fe80::1 fe80::a9fe:a9fe fe80::5efe:7f00:1
febf::1 fec0::1 feff::1 ff00::1 ff01::1 ff02::1 ff02::2 ff02::fb ff05::1:3 ff0e::1
";

/// Refused as they are written, before anything is resolved: other ways to write an address, names of the inside, user names, schemes,
/// and what parsers disagree about.
const BAD_URLS: &[&str] = &[
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0177.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://1.0.0.127.in-addr.arpa.local/",
    "https://0/",
    "https://0x0/",
    "https://00000/",
    "https://0.0.0.0./",
    "https://3232235777/",
    "https://0xc0a80101/",
    "https://0300.0250.1.1/",
    "https://0xa000001/",
    "https://167772161/",
    "https://10.1/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0xA9.0xFE.0xA9.0xFE/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://169.16689662/",
    "https://①②⑦.⓪.⓪.①/",
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https://127.0.0.1%2f@shop.example/",
    "https://%31%32%37.0.0.1/",
    "https://127.0.0.%31/",
    "https://%6c%6f%63%61%6c%68%6f%73%74/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://localhost.local/",
    "https://printer.local/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://metadata.google.internal./",
    "https://metadata/",
    "https://instance-data/",
    "https://kubernetes.default.svc.cluster.local/",
    "https://kubernetes/",
    "https://consul/",
    "https://host.docker.internal/",
    "https://router.lan/",
    "https://nas.home.arpa/",
    "https://db.corp/",
    "https://wiki.intranet/",
    "https://a.private/",
    "https://a.test/",
    "https://a.invalid/",
    "https://a.onion/",
    "https://user@shop.example/",
    "https://user:word@shop.example/",
    "https://@shop.example/",
    "https://:@shop.example/",
    "https://shop.example@127.0.0.1/",
    "https://shop.example:443@10.0.0.1/",
    "https://shop.example%40@10.0.0.1/",
    "https://1.1.1.1&@10.0.0.1#@8.8.8.8/",
    "https://shop.example#@10.0.0.1/",
    "https://shop.example\\@10.0.0.1/",
    "https://10.0.0.1\\@shop.example/",
    "https:\\\\10.0.0.1/",
    "https:/10.0.0.1/",
    "https:10.0.0.1/",
    "https:///10.0.0.1/",
    "https:////shop.example/",
    "https:shop.example/",
    "//shop.example/",
    "shop.example",
    "/hooks",
    "",
    " ",
    "https://",
    "https:///",
    "https://?",
    "https://#",
    "http://shop.example/",
    "http://8.8.8.8/",
    "http://[2606:4700::1111]/",
    "HTTP://shop.example/",
    "ftp://shop.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "dict://127.0.0.1:11211/",
    "ldap://127.0.0.1/",
    "tftp://10.0.0.1/",
    "ws://shop.example/",
    "wss://shop.example/",
    "unix:///run/docker.sock",
    "data:text/plain,x",
    "javascript:alert(1)",
    "jar:https://shop.example!/",
    "netdoc:///etc/passwd",
    "blob:https://shop.example/x",
    "about:blank",
    "https://shop.example:0/",
    "https://shop.example:65536/",
    "https://shop.example:x/",
    "https://shop.example:-1/",
    "https://[::1",
    "https://::1/",
    "https://[::1]:x/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "https://[0000::1]/",
    " https://shop.example/",
    "https://shop.example/ ",
    "https://shop.example/a b",
    "https://shop .example/",
    "https://shop.example/\r\nHost: 10.0.0.1",
    "https://shop\t.example/",
    "https://shop.example/\u{0}",
    "https://shop.example/#part",
    "https://256.256.256.256/",
    "https://1.2.3.4.5/",
    "https://1.1.1.256/",
    "https://0x100000000/",
    "https://4294967296/",
];

const GOOD_URLS: &[&str] = &[
    "https://shop.example/",
    "https://shop.example",
    "https://shop.example/hooks",
    "https://shop.example/hooks?token=1",
    "https://shop.example:8443/hooks",
    "https://shop.example:443/",
    "https://a.b.c.shop.example/",
    "https://xn--bcher-kva.example/",
    "https://bücher.example/",
    "https://SHOP.example/Hooks",
    "https://shop.example./",
    "https://shop-1.example/",
    "https://shop.example/a/../b",
    "https://shop.example/%40",
    "https://shop.example/a@b",
    "https://shop.example/?a=b@c",
    "https://localhost.shop.example/",
    "https://internal.shop.example/",
    "https://local.example/",
    "https://mylocal.example/",
    "https://corp.example/",
    "https://10.example/",
    "https://127.0.0.1.nip.example/",
    "https://hooks.slack.com/services/T0/B0/x",
    "https://api.example.co.uk/v1",
    "https://example.dev/",
    "https://8.8.8.8/",
    "https://1.1.1.1/",
    "https://9.9.9.9:8443/",
    "https://1.0.0.1/",
    "https://11.0.0.1/",
    "https://9.255.255.255/",
    "https://100.63.255.255/",
    "https://100.128.0.1/",
    "https://126.255.255.255/",
    "https://128.0.0.1/",
    "https://169.253.1.1/",
    "https://169.255.1.1/",
    "https://172.15.255.255/",
    "https://172.32.0.1/",
    "https://191.255.255.255/",
    "https://192.0.1.1/",
    "https://192.0.3.1/",
    "https://192.88.98.1/",
    "https://192.167.1.1/",
    "https://192.169.1.1/",
    "https://198.17.255.255/",
    "https://198.20.0.1/",
    "https://198.51.99.1/",
    "https://203.0.112.1/",
    "https://203.0.114.1/",
    "https://223.255.255.255/",
    "https://168.63.129.17/",
    "https://134744072/",
    "https://0x08080808/",
    "https://[2606:4700:4700::1111]/",
    "https://[2001:4860:4860::8888]/",
    "https://[2001:200::1]/",
    "https://[2400:cb00::1]/",
    "https://[2a00:1450:4001:829::200e]/",
    "https://[2620:fe::fe]/",
    "https://[::ffff:8.8.8.8]/",
];

fn bad_addresses() -> Vec<IpAddr> {
    BAD_ADDRESSES.split_whitespace().map(|text| text.parse().unwrap_or_else(|_| panic!("{text} is no address"))).collect()
}

fn as_host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[test]
fn the_corpus_is_as_large_as_it_must_be() {
    assert!(bad_addresses().len() + BAD_URLS.len() >= 200, "{} and {}", bad_addresses().len(), BAD_URLS.len());
    assert!(GOOD_URLS.len() >= 50);
}

#[test]
fn no_address_of_the_inside_is_connected_to() {
    let guard = Guard::default();
    for address in bad_addresses() {
        assert!(guard.check_address(address).is_err(), "{address}");
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{}/hooks", as_host(address));
            assert!(guard.check_url(&url).is_err(), "{url}");
        }
    }
}

#[test]
fn an_address_in_disguise_is_seen_through() {
    for url in BAD_URLS {
        assert!(Guard::default().check_url(url).is_err(), "{url:?} passed");
    }
    assert_eq!(Guard::default().check_url(&format!("https://shop.example/{}", "a".repeat(MAX_URL))), Err(Refused::Long));
}

#[test]
fn what_is_of_the_public_internet_passes() {
    for url in GOOD_URLS {
        assert_eq!(Guard::default().check_url(url).map(drop), Ok(()), "{url}");
    }
}

#[test]
fn a_network_that_the_operator_names_is_open_and_no_other() {
    let guard = Guard::new(["127.0.0.0/8".parse().unwrap(), "fd00:1::/32".parse().unwrap()]);
    let good = [
        "http://127.0.0.1:9000/",
        "https://127.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://[fd00:1::5]/",
        "http://localhost:9000/",
        "https://shop.example/",
    ];
    for url in good {
        assert_eq!(guard.check_url(url).map(drop), Ok(()), "{url}");
    }
    for url in [
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "http://[::1]/",
        "http://[fd00:2::5]/",
        "http://8.8.8.8/",
        "http://user@127.0.0.1/",
    ] {
        assert!(guard.check_url(url).is_err(), "{url}");
    }
    for address in bad_addresses() {
        assert_eq!(guard.check_address(address).is_ok(), guard.is_named(address), "{address}");
    }
}
