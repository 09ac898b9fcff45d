//! Files that are sent as evidence.

use crate::world::{Shop, text};
use ducat_sandbox::{Reply, Request};
use serde_json::{Value, json};

const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";

fn sent(content: &[u8], purpose: &str) -> Request {
    let mut body = format!("--mark\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n").into_bytes();
    body.extend_from_slice(b"--mark\r\nContent-Disposition: form-data; name=\"file\"; filename=\"receipt.pdf\"\r\n\r\n");
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--mark--\r\n");
    let request = Request::new("POST", "/v1/files").header("Authorization", "Bearer sk_test_shop");
    Request { body, ..request.header("Content-Type", "multipart/form-data; boundary=mark") }
}

fn refused(reply: &Reply) -> (u16, String) {
    (reply.status, reply.value()["error"]["param"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_file_is_kept_by_its_name_size_and_kind_and_given_as_evidence() {
    let mut shop = Shop::new();
    let made = shop.sandbox.handle(&sent(PDF, "dispute_evidence")).value();
    assert_eq!((text(&made, "type"), &made["size"], text(&made, "filename")), ("pdf", &json!(PDF.len()), "receipt.pdf"));
    assert!(!made.to_string().contains("sha256"));
    shop.restart();
    let path = format!("/v1/files/{}", text(&made, "id"));
    assert_eq!((shop.get(&path), shop.rows("/v1/files?purpose=dispute_evidence")), (made.clone(), vec![made.clone()]));
    let paid = shop.pay("pm_card_visa", &[]);
    let dispute = shop.do_control("disputes", &json!({ "payment_intent": paid["id"] }));
    let form = [("evidence[receipt]", text(&made, "id")), ("submit", "false"), ("expand[]", "evidence.receipt")];
    let answered = shop.post(&format!("/v1/disputes/{}", text(&dispute, "id")), &form);
    assert_eq!((&answered["evidence"]["receipt"], &answered["evidence_details"]["has_evidence"]), (&made, &json!(true)));
}

#[test]
fn only_pdf_jpeg_and_png_up_to_five_mebibytes_are_taken() {
    let shop = Shop::new();
    let taken = |start: &[u8], length: usize| {
        let mut content = start.to_vec();
        content.resize(length, b' ');
        refused(&shop.sandbox.handle(&sent(&content, "dispute_evidence")))
    };
    let no = |param: &str| (400, param.to_owned());
    assert_eq!(taken(PDF, 5 * 1024 * 1024), (200, String::new()));
    assert_eq!(taken(PDF, 5 * 1024 * 1024 + 1), no("file"));
    assert_eq!(taken(b"\xff\xd8\xff\xe0", 100), (200, String::new()));
    assert_eq!(taken(b"\x89PNG\r\n\x1a\n", 100), (200, String::new()));
    assert_eq!(taken(b"GIF89a", 100), no("file"));
    assert_eq!(taken(b"", 0), no("file"));
    assert_eq!(refused(&shop.sandbox.handle(&sent(PDF, "pci_document"))), no("purpose"));
    assert_eq!(shop.refused("/v1/files", &[("purpose", "dispute_evidence"), ("file", "x")])["type"], "invalid_request_error");
    assert_eq!(shop.refused("/v1/files", &[])["param"], "file");
}

#[test]
fn a_file_sent_twice_under_a_key_is_one_file_and_another_file_is_refused() {
    let shop = Shop::new();
    let send = |content: &[u8]| shop.sandbox.handle(&sent(content, "dispute_evidence").header("Idempotency-Key", "once"));
    let (first, again) = (send(PDF).value(), send(PDF).value());
    assert_eq!(first, again);
    let other = send(b"%PDF-2.0");
    assert_eq!((other.status, &other.value()["error"]["type"]), (400, &Value::from("idempotency_error")));
}
