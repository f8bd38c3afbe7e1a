//! What a person's address must not reach.

use outbound::{Error, Policy, Refused};

use crate::support::{Fickle, Server, Then, answer, client, get};

const HERE: &str = "127.0.0.1";
const FAR: &str = "93.184.215.14";

fn refused(result: &Result<outbound::Response, Error>) -> bool {
    matches!(result, Err(Error::Refused(Refused::Inside(_))))
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_when_it_is_given_and_when_it_is_used() {
    let server = Server::saying(answer("200 OK", "", b"inside"), Then::Next).await;
    let url = format!("http://hook.test:{}/", server.address.port());
    let out = client(Fickle::new(&[&[HERE]]), &[]);
    assert_eq!(out.check(&url, Policy::Public).await, Err(Refused::Inside("this machine")));
    assert!(refused(&out.send(get(Policy::Public, &url)).await));
    assert_eq!(server.connections(), 0);
    assert_eq!(out.send(get(Policy::Operator, &url)).await.expect("an answer").body, "inside");
}

#[tokio::test]
async fn a_name_that_changes_its_answer_is_refused_when_it_is_used() {
    let server = Server::saying(answer("200 OK", "", b"inside"), Then::Next).await;
    let url = format!("http://hook.test:{}/", server.address.port());
    let out = client(Fickle::new(&[&[FAR], &[HERE]]), &[]);
    assert_eq!(out.check(&url, Policy::Public).await, Ok(()));
    assert!(refused(&out.send(get(Policy::Public, &url)).await));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    // Were the name asked again between check and connection, the second answer would be refused.
    let server = Server::saying(answer("200 OK", "", b"once"), Then::Next).await;
    let url = format!("http://hook.test:{}/", server.address.port());
    let out = client(Fickle::new(&[&[HERE], &["10.0.0.1"]]), &["127.0.0.0/8"]);
    assert_eq!(out.send(get(Policy::Public, &url)).await.expect("an answer").body, "once");
}

#[tokio::test]
async fn one_address_inside_refuses_the_whole_name() {
    for addresses in [[FAR, HERE], [HERE, FAR]] {
        let server = Server::saying(answer("200 OK", "", b"inside"), Then::Next).await;
        let out = client(Fickle::new(&[&addresses]), &[]);
        assert!(refused(&out.send(get(Policy::Public, format!("http://x.test:{}/", server.address.port()))).await));
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn numbers_in_every_spelling_are_refused() {
    let server = Server::saying(answer("200 OK", "", b"inside"), Then::Next).await;
    let port = server.address.port();
    // The system's resolver reads the old spellings of an address as well.
    let out = outbound::Outbound::new(outbound::Settings::default());
    for host in
        [HERE, "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "localhost.", "[::1]", "0", "0.0.0.0"]
    {
        let sent = out.send(get(Policy::Public, format!("http://{host}:{port}/"))).await;
        // A resolver that does not read a spelling knows no such name.
        assert!(matches!(sent, Err(Error::Refused(Refused::Inside(_)) | Error::Connect(_))), "{host}: {sent:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_connection_of_the_operator_is_not_reused_for_a_person() {
    let server = Server::saying(answer("200 OK", "", b"inside"), Then::Next).await;
    let url = format!("http://hook.test:{}/", server.address.port());
    let out = client(Fickle::new(&[&[HERE]]), &[]);
    for _ in 0..2 {
        assert_eq!(out.send(get(Policy::Operator, &url)).await.expect("an answer").status, 200);
    }
    assert_eq!(server.connections(), 1, "the operator's own is reused");
    assert!(refused(&out.send(get(Policy::Public, &url)).await));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let secret = Server::saying(answer("200 OK", "", b"secret"), Then::Next).await;
    let location = format!("location: http://{}/latest/meta-data\r\n", secret.address);
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let server = Server::saying(answer(status, &location, b""), Then::Next).await;
        let out = client(Fickle::new(&[&[HERE]]), &["127.0.0.0/8"]);
        let response = out.send(get(Policy::Public, server.url("/"))).await.expect("an answer");
        assert!(response.status.is_redirection());
    }
    assert_eq!(secret.connections(), 0);
}
