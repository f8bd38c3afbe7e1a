//! An endpoint's address does not lead inside: not when it is given, not when it is used.

use endpoints::state::State;
use endpoints::{EndpointError, Patch};
use outbound::Refused;

use crate::support::{Does, Receiver, Site, asking};

#[tokio::test]
async fn an_address_inside_is_refused_when_it_is_given() {
    let site = Site::allowing(&[]).await;
    let receiver = Receiver::that(&[Does::Answers(200)]).await;
    for url in
        [receiver.url(), format!("http://hook.test:{}/", receiver.address.port()), "http://169.254.169.254/".into()]
    {
        let refused = site.endpoints.create(asking(&url, &["*"])).await;
        assert!(matches!(refused, Err(EndpointError::Refused(Refused::Inside(_)))), "{url}");
    }
    site.dns.leads_to("93.184.215.14");
    let (row, _) = site.endpoints.create(asking("https://hook.test/", &["*"])).await.expect("created");
    let patch = Patch { url: Some(receiver.url()), ..Patch::default() };
    assert!(matches!(site.endpoints.update(&row.id, patch).await, Err(EndpointError::Refused(_))));
    assert_eq!(site.row(&row.id).await.url, "https://hook.test/");
}

#[tokio::test]
async fn a_name_that_leads_inside_later_is_refused_when_it_is_used() {
    let site = Site::allowing(&[]).await;
    let mut receiver = Receiver::that(&[Does::Answers(200)]).await;
    site.dns.leads_to("93.184.215.14");
    let (id, _) = site.endpoint(&format!("http://hook.test:{}/", receiver.address.port())).await;
    site.dns.leads_to("127.0.0.1");
    site.append("shop.order", "{}").await;
    let message = site.tried(&id, 1).await;
    assert_eq!(message.state, State::Pending);
    assert!(message.error.expect("an error").contains("leads to this machine"));
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn an_operator_can_allow_a_network() {
    let site = Site::allowing(&["127.0.0.0/8"]).await;
    let mut receiver = Receiver::that(&[Does::Answers(200)]).await;
    site.endpoint(&format!("http://hook.test:{}/", receiver.address.port())).await;
    site.append("shop.order", "{}").await;
    receiver.next().await;
}
