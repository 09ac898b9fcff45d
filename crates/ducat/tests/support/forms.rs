//! The forms of a page, as a browser without scripts would see them.

/// One form with everything in it that can be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it goes, as it stands in the page.
    pub action: String,
    /// Names and values of its fields; buttons are not among them.
    pub fields: Vec<(String, String)>,
    /// Names and values of its buttons.
    pub buttons: Vec<(String, String)>,
}

impl Form {
    /// The fields with some of them filled in.
    pub fn filled(&self, values: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        for (name, value) in values {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some(field) => field.1 = (*value).to_owned(),
                None => fields.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        fields
    }
}

/// The form for a card on the PSP's page, filled in with this number: where it goes, and what is sent. Nothing where there is none.
pub fn card_form(page: &str, number: &str) -> Option<(String, Vec<(String, String)>)> {
    let named = |form: &Form, part: &str| {
        form.fields.iter().map(|(name, _)| name.clone()).find(|name| name.to_lowercase().contains(part))
    };
    let form = forms(page).into_iter().find(|form| named(form, "number").is_some())?;
    let wanted = [("number", number), ("exp", "12 / 40"), ("cvc", "123"), ("email", "ada@example.com")];
    let values: Vec<_> = wanted.iter().filter_map(|(part, value)| Some((named(&form, part)?, *value))).collect();
    let values: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    Some((form.action.clone(), form.filled(&values)))
}

/// Every form of the page that is sent by POST.
pub fn forms(page: &str) -> Vec<Form> {
    let parts = page.split("<form").skip(1).map(|part| part.split("</form>").next().unwrap_or_default());
    parts.map(read).filter(|(post, _)| *post).map(|(_, form)| form).collect()
}

fn read(part: &str) -> (bool, Form) {
    let (head, body) = part.split_once('>').unwrap_or((part, ""));
    let mut form = Form { action: attribute(head, "action").unwrap_or_default(), ..Form::default() };
    for (tag, buttons) in [("<input", false), ("<select", false), ("<button", true)] {
        for element in body.split(tag).skip(1) {
            let element = element.split('>').next().unwrap_or_default();
            let Some(name) = attribute(element, "name") else { continue };
            let pair = (name, attribute(element, "value").unwrap_or_default());
            let kind = attribute(element, "type").unwrap_or_default();
            if matches!(kind.as_str(), "checkbox" | "radio") && !element.contains("checked") {
                continue;
            }
            if buttons || kind == "submit" { form.buttons.push(pair) } else { form.fields.push(pair) }
        }
    }
    (attribute(head, "method").is_some_and(|method| method.eq_ignore_ascii_case("post")), form)
}

/// The value of an attribute, with the few entities that our pages use.
fn attribute(element: &str, name: &str) -> Option<String> {
    let start = element.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = element[start..].split('"').next()?;
    Some(value.replace("&quot;", "\"").replace("&#38;", "&").replace("&#x2F;", "/").replace("&amp;", "&"))
}

#[test]
fn a_form_is_read_with_its_fields_and_buttons() {
    let page = r#"<form method="get"></form><form class="a" action="/pay?a=1&amp;b=2" method="post"><input type="hidden" name="x" value="1">
        <input name="card"><button name="do" value="pay">Pay</button></form>"#;
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let form =
        Form { action: "/pay?a=1&b=2".into(), fields: vec![pair("x", "1"), pair("card", "")], buttons: vec![pair("do", "pay")] };
    assert_eq!(forms(page), std::slice::from_ref(&form));
    assert_eq!(form.filled(&[("card", "4242")])[1], pair("card", "4242"));
}
