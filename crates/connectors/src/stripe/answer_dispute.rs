//! Tells Stripe what the merchant says to a dispute: first each file, under a key of its own, then the texts with the files' ids; or that
//! the payer is right. Where Stripe refuses or only repeats an error, the dispute is looked at: the answer may have arrived.

use super::dispute;
use super::form::{Form, segment};
use super::multipart::upload;
use super::objects::{Dispute, File};
use super::reading::{Answer, Asked, look, read};
use super::spec::SPEC;
use crate::{EvidenceError, EvidenceFile, Fault, HttpRequest, Outcome, Reply, Step};
use ducat_domain::payments::{Decline, DeclineCode, DisputeAnswer, DisputeSeen};
use std::collections::BTreeMap;

/// What is said to a dispute.
pub(super) struct Said<'a> {
    pub psp_dispute: &'a str,
    pub answer: DisputeAnswer,
    pub evidence: &'a BTreeMap<String, String>,
    pub files: &'a [EvidenceFile],
    pub key: &'a str,
}

pub(super) fn step(said: &Said<'_>, seen: &[Reply]) -> Result<Step, Fault> {
    let files = match said.answer {
        DisputeAnswer::Evidence => said.files,
        DisputeAnswer::Acceptance => &[],
    };
    if let Err(why) = check(said, files) {
        let decline = Decline { psp_code: Some(why.to_string()), ..Decline::of(DeclineCode::RefusedByPsp) };
        return Ok(Step::Done(Outcome::Refused(decline)));
    }
    let mut replies = seen.iter();
    let mut ids = Vec::with_capacity(files.len());
    for (index, file) in files.iter().enumerate() {
        let Some(reply) = replies.next() else {
            return upload(file, format!("{}:file:{index}", said.key)).map(Step::Send);
        };
        match read::<File>(reply, Asked::Act)? {
            Answer::Good(File { id }) => ids.push((file.field.as_str(), id)),
            Answer::Refused(refusal) => return Ok(Step::Done(Outcome::Refused(refusal.decline()))),
        }
    }
    match replies.as_slice() {
        [] => tell(said, &ids, "answer").map(Step::Send),
        [told] => after_telling(said, told),
        [told, looked, rest @ ..] => match (after_looking(told, looked)?, rest) {
            (Some(step), _) => Ok(step),
            // The error that the first key repeats came before anything was done.
            (None, []) => tell(said, &ids, "answer:again").map(Step::Send),
            (None, [again]) => after_telling(said, again),
            (None, [again, looked, ..]) => after_looking(again, looked)?.ok_or_else(|| stuck(again)),
        },
    }
}

fn check(said: &Said<'_>, files: &[EvidenceFile]) -> Result<(), EvidenceError> {
    let (Some(rules), DisputeAnswer::Evidence) = (&SPEC.evidence, said.answer) else { return Ok(()) };
    rules.check_texts(said.evidence)?;
    files.iter().try_for_each(|file| rules.check_file(&file.field, &file.media_type, file.bytes.len()))
}

fn tell(said: &Said<'_>, files: &[(&str, String)], what: &str) -> Result<HttpRequest, Fault> {
    let path = format!("/v1/disputes/{}", segment(said.psp_dispute)?);
    let key = format!("{}:{what}", said.key);
    if said.answer == DisputeAnswer::Acceptance {
        return Ok(Form::new().post(&format!("{path}/close"), key));
    }
    let mut form = Form::new();
    for (name, text) in said.evidence {
        form = form.with(&format!("evidence[{name}]"), text);
    }
    for (name, id) in files {
        form = form.with(&format!("evidence[{name}]"), id);
    }
    Ok(form.with("submit", "true").post(&path, key))
}

fn after_telling(said: &Said<'_>, told: &Reply) -> Result<Step, Fault> {
    match read::<Dispute>(told, Asked::Act) {
        Ok(Answer::Good(dispute)) => dispute::seen(&dispute).map(done),
        Ok(Answer::Refused(_)) | Err(Fault::Stuck(_)) => {
            Ok(Step::Send(Form::new().get(&format!("/v1/disputes/{}", segment(said.psp_dispute)?))))
        }
        Err(fault) => Err(fault),
    }
}

/// What became of the answer, by how the dispute stands; nothing where it never arrived and may be told again.
fn after_looking(told: &Reply, looked: &Reply) -> Result<Option<Step>, Fault> {
    let refusal = match read::<Dispute>(told, Asked::Act) {
        Ok(Answer::Refused(refusal)) => Some(refusal.decline()),
        _ => None,
    };
    let seen = match (read::<Dispute>(looked, Asked::Look)?, &refusal) {
        (Answer::Good(dispute), _) => dispute::seen(&dispute)?,
        (Answer::Refused(_), Some(decline)) => return Ok(Some(Step::Done(Outcome::Refused(decline.clone())))),
        (Answer::Refused(_), None) => return look::<Dispute>(looked).map(|_| None),
    };
    Ok(match refusal {
        _ if !seen.status.awaits_answer() => Some(done(seen)),
        Some(decline) => Some(Step::Done(Outcome::Refused(decline))),
        None => None,
    })
}

fn stuck(told: &Reply) -> Fault {
    read::<Dispute>(told, Asked::Act).err().unwrap_or_else(|| Fault::Protocol("an answer that changes nothing".into()))
}

fn done(seen: DisputeSeen) -> Step {
    Step::Done(Outcome::Disputed(seen))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{disputed, done, error, field, fields, json, sent};
    use super::*;
    use crate::HttpReply;
    use ducat_domain::payments::DisputeStatus;
    use serde_json::json as value;

    fn texts(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn file(field: &str) -> EvidenceFile {
        let (name, media_type) = (format!("{field}.pdf"), "application/pdf".to_owned());
        EvidenceFile { field: field.into(), name, media_type, bytes: b"%PDF-1.7".to_vec() }
    }

    fn answer(
        answer: DisputeAnswer,
        evidence: &BTreeMap<String, String>,
        files: &[EvidenceFile],
        seen: &[Reply],
    ) -> Result<Step, Fault> {
        step(&Said { psp_dispute: "du_1", answer, evidence, files, key: "dp_1-1" }, seen)
    }

    fn say(seen: &[Reply]) -> Result<Step, Fault> {
        answer(DisputeAnswer::Evidence, &texts(&[("customer_name", "Ada")]), &[], seen)
    }

    fn state(step: Result<Step, Fault>) -> DisputeStatus {
        match super::super::samples::done(step) {
            Outcome::Disputed(seen) => seen.status,
            other => panic!("{other:?}"),
        }
    }

    fn uploaded(id: &str) -> Reply {
        json(&value!({"id": id, "object": "file", "purpose": "dispute_evidence"}))
    }

    fn repeated() -> Reply {
        let mut reply: HttpReply = error(500, "api_error", None).unwrap();
        reply.headers.push(("idempotent-replayed".into(), "true".into()));
        Ok(reply)
    }

    #[test]
    fn files_go_first_each_under_its_own_key_and_the_texts_follow_with_their_ids() {
        let (texts, files) =
            (texts(&[("customer_name", "Ada"), ("uncategorized_text", "She has it.")]), [file("receipt"), file("refund_policy")]);
        let evidence = |seen: &[Reply]| answer(DisputeAnswer::Evidence, &texts, &files, seen);
        assert_eq!(sent(evidence(&[])).key.as_deref(), Some("dp_1-1:file:0"));
        let second = sent(evidence(&[uploaded("file_1")]));
        assert_eq!((second.path.as_str(), second.key.as_deref()), ("/v1/files", Some("dp_1-1:file:1")));
        let told = sent(evidence(&[uploaded("file_1"), uploaded("file_2")]));
        assert_eq!((told.path.as_str(), told.key.as_deref()), ("/v1/disputes/du_1", Some("dp_1-1:answer")));
        let said: Vec<_> = fields(&told).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            said,
            [
                "evidence[customer_name]=Ada",
                "evidence[uncategorized_text]=She has it.",
                "evidence[receipt]=file_1",
                "evidence[refund_policy]=file_2",
                "submit=true"
            ]
        );
        let replies = [uploaded("file_1"), uploaded("file_2"), json(&disputed("under_review"))];
        assert_eq!(state(evidence(&replies)), DisputeStatus::UnderReview);
    }

    #[test]
    fn giving_in_closes_the_dispute_and_shows_nothing() {
        let accept = |seen: &[Reply]| answer(DisputeAnswer::Acceptance, &texts(&[]), &[file("receipt")], seen);
        let told = sent(accept(&[]));
        assert_eq!((told.path.as_str(), told.body.len()), ("/v1/disputes/du_1/close", 0));
        assert_eq!(state(accept(&[json(&disputed("lost"))])), DisputeStatus::Lost);
    }

    #[test]
    fn a_field_that_stripe_does_not_have_is_refused_by_name_and_nothing_is_sent() {
        let Outcome::Refused(decline) = done(answer(DisputeAnswer::Evidence, &texts(&[("mood", "bad")]), &[], &[])) else {
            panic!()
        };
        assert!(decline.psp_code.unwrap().contains("mood"));
        let wrong = [file("customer_name")];
        assert!(matches!(done(answer(DisputeAnswer::Evidence, &texts(&[]), &wrong, &[])), Outcome::Refused(_)));
    }

    #[test]
    fn a_file_that_stripe_refuses_ends_the_answer() {
        let refused = error(400, "invalid_request_error", Some("file_invalid"));
        let Outcome::Refused(decline) = done(answer(DisputeAnswer::Evidence, &texts(&[]), &[file("receipt")], &[refused])) else {
            panic!()
        };
        assert_eq!(decline.psp_code.as_deref(), Some("file_invalid"));
    }

    #[test]
    fn a_refusal_counts_only_while_the_dispute_still_awaits_an_answer() {
        let refused = error(400, "invalid_request_error", None);
        assert_eq!(sent(say(std::slice::from_ref(&refused))).path, "/v1/disputes/du_1");
        assert_eq!(state(say(&[refused.clone(), json(&disputed("under_review"))])), DisputeStatus::UnderReview);
        assert!(matches!(done(say(&[refused, json(&disputed("needs_response"))])), Outcome::Refused(_)));
    }

    #[test]
    fn a_key_that_only_repeats_an_error_does_not_silence_the_merchant() {
        assert_eq!(state(say(&[repeated(), json(&disputed("under_review"))])), DisputeStatus::UnderReview);
        let open = json(&disputed("needs_response"));
        let again = sent(say(&[repeated(), open.clone()]));
        assert_eq!((again.key.as_deref(), field(&again, "submit").as_deref()), (Some("dp_1-1:answer:again"), Some("true")));
        assert_eq!(state(say(&[repeated(), open.clone(), json(&disputed("under_review"))])), DisputeStatus::UnderReview);
        assert!(matches!(say(&[repeated(), open.clone(), repeated(), open]), Err(Fault::Stuck(_))));
    }

    #[test]
    fn a_lost_answer_is_unknown() {
        let lost: Reply = Err(crate::SendFailure::Lost("time-out".into()));
        assert!(matches!(say(&[lost]), Err(Fault::Unknown(_))));
    }
}
