//! Answers that are too long, too slow, packed, or broken.

use outbound::{Error, Policy};

use crate::support::{SOON, Server, Then, answer, bomb, get, plain};

const MOST: usize = 10_000;

#[tokio::test]
async fn a_long_body_is_refused_or_cut_as_the_request_says() {
    let server = Server::saying(answer("200 OK", "", &vec![b'x'; MOST + 1]), Then::Next).await;
    let ask = || get(Policy::Operator, server.url("/"));
    assert!(matches!(plain().send(ask().at_most(MOST)).await, Err(Error::TooLarge(MOST))));
    let cut = plain().send(ask().keep_first(MOST)).await.expect("an answer");
    assert_eq!((cut.status.as_u16(), cut.body.len(), cut.whole), (200, MOST, false));
    let whole = plain().send(ask().at_most(MOST + 1)).await.expect("an answer");
    assert_eq!((whole.body.len(), whole.whole), (MOST + 1, true));
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_large_one_is_refused() {
    let packed = bomb(200 * 1024 * 1024);
    assert!(packed.len() < 300_000);
    let server = Server::saying(answer("200 OK", "content-encoding: gzip\r\n", &packed), Then::Next).await;
    let ask = || get(Policy::Operator, server.url("/"));
    assert!(matches!(plain().send(ask()).await, Err(Error::TooLarge(_))));
    let cut = plain().send(ask().keep_first(MOST)).await.expect("an answer");
    assert_eq!((cut.body.len(), cut.whole), (MOST, false));
}

#[tokio::test]
async fn packed_bytes_that_unpack_to_nothing_end_as_well() {
    // Empty members, one after the other, for ever.
    let nothing = bomb(0).repeat(10_000);
    let server = Server::saying(answer("200 OK", "content-encoding: gzip\r\n", &nothing), Then::Next).await;
    let sent = plain().send(get(Policy::Operator, server.url("/")).at_most(MOST)).await;
    assert!(matches!(sent, Err(Error::TooLarge(MOST))), "{sent:?}");
}

#[tokio::test]
async fn a_packed_body_is_unpacked_and_a_broken_one_is_an_error() {
    let packed = bomb(MOST as u64);
    let headers = "content-encoding: GZIP\r\n";
    let server = Server::saying(answer("200 OK", headers, &packed), Then::Next).await;
    let whole = plain().send(get(Policy::Operator, server.url("/"))).await.expect("an answer");
    assert_eq!(whole.body, vec![0; MOST]);
    for broken in [&packed[..packed.len() - 3], b"no gzip at all, only words"] {
        let server = Server::saying(answer("200 OK", headers, broken), Then::Next).await;
        let sent = plain().send(get(Policy::Operator, server.url("/"))).await;
        assert!(matches!(sent, Err(Error::Broken(_))), "{sent:?}");
    }
}

#[tokio::test]
async fn a_body_that_stands_still_takes_the_time_it_is_given() {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun", Then::Silence).await;
    let ask = || get(Policy::Operator, server.url("/")).timeout(SOON);
    assert!(matches!(plain().send(ask()).await, Err(Error::Timeout(_))));
    let cut = plain().send(ask().keep_first(MOST)).await.expect("an answer");
    assert_eq!((&cut.body[..], cut.whole), (&b"begun"[..], false));
}

#[tokio::test]
async fn a_body_that_ends_early_is_broken() {
    for body in ["content-length: 100\r\n\r\nbegun", "transfer-encoding: chunked\r\n\r\n5\r\nbegun\r\n"] {
        let server = Server::saying(format!("HTTP/1.1 200 OK\r\n{body}"), Then::End).await;
        let ask = || get(Policy::Operator, server.url("/"));
        assert!(matches!(plain().send(ask()).await, Err(Error::Broken(_))));
        let cut = plain().send(ask().keep_first(MOST)).await.expect("an answer");
        assert_eq!((&cut.body[..], cut.whole), (&b"begun"[..], false));
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n", "a".repeat(1024 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: a\r\n".repeat(200));
    for head in [long, many, "SSH-2.0-OpenSSH_9.9\r\n".to_owned()] {
        let server = Server::saying(head, Then::Silence).await;
        let sent = plain().send(get(Policy::Operator, server.url("/")).timeout(SOON * 10)).await;
        assert!(matches!(sent, Err(Error::Broken(_))), "{sent:?}");
    }
}
