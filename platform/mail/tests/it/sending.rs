//! What happens to a letter between the transaction that posts it and the server that takes it.

use std::time::Duration;

use jobs::state::State;
use kernel::{Secret, limits};
use mail::{Letter, PostError, Settings, Tls};
use store::Tx;

use crate::server::{Does, Saw};
use crate::support::{Rolled, START_MS, Site, header, letter};

#[tokio::test]
async fn a_letter_goes_out_if_its_transaction_commits_and_only_then() {
    let mut site = Site::new().await;
    let mail = site.mail.clone();
    let rolled = site.store.write(async move |tx: &mut Tx| {
        mail.post(tx, &letter()).await?;
        Err::<(), _>(Rolled::OnPurpose)
    });
    assert!(matches!(rolled.await, Err(Rolled::OnPurpose)));
    site.post(Letter { subject: "The second".into(), ..letter() }).await.expect("posted");
    let (_, text) = site.letter().await;
    assert_eq!(header(&text, "Subject"), "The second", "nothing was sent of what was rolled back");
    assert_eq!(header(&text, "To"), "ada@example.com");
    assert_eq!(header(&text, "From"), "Mainspring <live@example.org>");
    assert!(text.contains("multipart/alternative") && text.contains("Something secret happened."), "{text}");
    site.job("mail.send", State::Completed).await;
    assert!(site.seen().is_empty(), "once");
}

#[tokio::test]
async fn one_connection_carries_letter_after_letter_until_it_is_gone() {
    let mut site = Site::new().await;
    for n in 0..3 {
        site.post(Letter { subject: format!("Number {n}"), ..letter() }).await.expect("posted");
        site.letter().await;
        site.job("mail.send", State::Completed).await;
    }
    // The connection is dead, which is found out when it is used again.
    site.server.next(&[Does::SaysAtTheEnd("421 4.3.2 going down"), Does::Takes]);
    site.post(letter()).await.expect("posted");
    site.job("mail.send", State::Retryable).await;
    site.later(limits::JOB_BACKOFF_MAX_MS);
    site.job("mail.send", State::Completed).await;
    let connections = site.seen().iter().filter(|saw| matches!(saw, Saw::Connection(_))).count();
    assert_eq!(
        connections, 1,
        "after a failure with a connection of its own; three letters before shared the first one"
    );
}

#[tokio::test]
async fn what_may_pass_is_tried_again_with_the_same_bytes() {
    for (does, transient) in [
        (Does::Says("451 4.7.1 greylisted"), true),
        (Does::SaysAtTheEnd("452 4.2.2 full"), true),
        (Does::Dies, true),
        (Does::DiesMidway, true),
        (Does::Says("550 5.1.1 <ada@example.com>: no such user"), false),
        (Does::SaysAtTheEnd("554 5.7.1 spam"), false),
    ] {
        let mut site = Site::new().await;
        site.server.next(&[does]);
        site.post(letter()).await.expect("posted");
        let (_, first) = site.letter().await;
        if !transient {
            let row = site.job("mail.send", State::Discarded).await;
            assert_eq!(row.attempt, 1, "{does:?}");
            let why = row.last_error.expect("why");
            assert!(why.contains(if matches!(does, Does::Says(_)) { "550" } else { "554" }), "{why}");
            assert!(!why.contains("example.com"), "and not whose address it was: {why}");
            continue;
        }
        site.job("mail.send", State::Retryable).await;
        site.later(limits::JOB_BACKOFF_MAX_MS);
        let (then, second) = site.letter().await;
        assert_eq!(then, Does::Takes);
        site.job("mail.send", State::Completed).await;
        if matches!(does, Does::Dies | Does::SaysAtTheEnd(_)) {
            assert_eq!(first, second, "{does:?}: by Message-ID and Date it is one letter");
        }
        let id = header(&second, "Message-ID");
        assert!(id.starts_with('<') && id.ends_with("@example.org>") && id.len() > 40, "{id}");
        assert_eq!(header(&second, "Date"), "Mon, 01 Mar 2027 00:00:00 +0000", "when it was posted");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_after_a_while_and_its_connection_with_it() {
    let mut site = Site::new().await;
    site.server.next(&[Does::Takes, Does::Stalls]);
    site.post(letter()).await.expect("posted");
    site.job("mail.send", State::Completed).await;
    site.post(Letter { subject: "Stalled".into(), ..letter() }).await.expect("posted");
    while site.letter().await.0 != Does::Stalls {}
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(limits::MAIL_SEND_MS + 1)).await;
    tokio::time::resume();
    site.job("mail.send", State::Retryable).await;
    site.post(Letter { subject: "Another".into(), ..letter() }).await.expect("posted");
    let Saw::Connection(2) = site.saw().await else { panic!("what was interrupted is not used again") };
    let (_, text) = site.letter().await;
    assert_eq!(header(&text, "Subject"), "Another");
}

#[tokio::test]
async fn a_refused_password_is_no_reason_to_throw_a_letter_away() {
    let signed_in = |settings| Settings { user: "live".into(), password: Secret::new("hunter2"), ..settings };
    let mut site = Site::with(&["AUTH PLAIN LOGIN"], signed_in).await;
    site.server.answers_auth("535 5.7.8 wrong");
    site.post(letter()).await.expect("posted");
    let row = site.job("mail.send", State::Retryable).await;
    assert!(row.last_error.as_deref().is_some_and(|why| why.contains("535") && !why.contains("hunter2")), "{row:?}");
    site.server.answers_auth("235 2.7.0 in");
    site.later(limits::JOB_BACKOFF_MAX_MS);
    site.job("mail.send", State::Completed).await;
    let auths =
        site.seen().into_iter().filter(|saw| matches!(saw, Saw::Auth(line) if line.starts_with("AUTH PLAIN "))).count();
    assert_eq!(auths, 2);
}

#[tokio::test]
async fn without_the_tls_that_was_asked_for_nothing_is_said() {
    for tls in [Tls::Starttls, Tls::Implicit] {
        let signed_in = |it| Settings { tls, user: "live".into(), password: Secret::new("hunter2"), ..it };
        let mut site = Site::with(&["AUTH PLAIN LOGIN"], signed_in).await;
        site.post(letter()).await.expect("posted");
        site.job("mail.send", State::Retryable).await;
        let said = site.seen();
        assert!(said.iter().all(|saw| matches!(saw, Saw::Connection(_))), "{tls:?}: {said:?}");
    }
}

#[tokio::test]
async fn a_letter_lies_closed_in_its_job_and_is_not_sent_too_late() {
    let mut site = Site::new().await;
    site.server.next(&[Does::Says("451 4.7.1 greylisted")]);
    site.post(Letter { until_ms: Some(START_MS + 60_000), ..letter() }).await.expect("posted");
    let row = site.job("mail.send", State::Retryable).await;
    let shown = format!("{row:?}");
    assert!(!shown.contains("secret happened") && !shown.contains("/token"), "{shown}");
    site.letter().await;
    site.later(limits::JOB_BACKOFF_MAX_MS);
    site.job("mail.send", State::Discarded).await;
    assert!(!site.seen().iter().any(|saw| matches!(saw, Saw::Letter(..))), "the link is worth nothing any more");
}

#[tokio::test]
async fn without_settings_there_is_no_mail_which_is_said() {
    let mut site = Site::with(&[], |settings| Settings { host: String::new(), ..settings }).await;
    assert!(matches!(site.post(letter()).await, Err(Rolled::Post(PostError::Off))));
    let problem = site.mail.must().expect_err("no mail");
    assert_eq!((problem.status().as_u16(), problem.code()), (409, "mail_off"));
    assert!(!site.mail.is_set() && site.seen().is_empty());
    let unfit = Site::new().await;
    let sly = Letter { to: "ada@example.com>\r\nRCPT TO:<eve@example.com".into(), ..letter() };
    assert!(matches!(unfit.post(sly).await, Err(Rolled::Post(PostError::Unfit(_)))));
}
