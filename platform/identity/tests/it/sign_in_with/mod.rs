//! Signing in by an issuer, over one on this machine that is as strict as a real one, and attacked from every side.

mod forged;
mod people;
mod way;

use identity::people::PersonDetails;
use identity::sign_in_with::Providers;
use outbound::Outbound;
use serde_json::{Value, json};
use testkit::provider::{CLIENT, Consent, Provider};

use crate::support::{Answer, Bed, START_MS};

/// People here, and an issuer by which everybody may sign in unless a test says otherwise.
pub(crate) struct House {
    pub(crate) bed: Bed,
    pub(crate) corp: Provider,
}

/// A sign-in that is under way in one browser.
pub(crate) struct Begun {
    pub(crate) cookies: String,
    pub(crate) consent: Consent,
}

pub(crate) async fn provider(seed: u8) -> Provider {
    Provider::start(START_MS / 1_000, seed).await.expect("it listens")
}

fn settings(name: &str, provider: &Provider) -> Value {
    json!({
        "name": name, "label": format!("Example <{name}>"), "issuer": provider.url(),
        "client_id": CLIENT.0, "client_secret": CLIENT.1, "who": "anybody",
    })
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// With these settings otherwise.
    pub(crate) async fn with(change: Value) -> Self {
        let corp = provider(1).await;
        let mut it = settings("corp", &corp);
        it.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let mut house = Self { bed: Bed::new(), corp };
        house.signs_in_with(&[it]);
        house
    }

    pub(crate) fn signs_in_with(&mut self, settings: &[Value]) {
        let settings: Vec<_> =
            settings.iter().map(|it| serde_json::from_value(it.clone()).expect("settings")).collect();
        let outbound = Outbound::new(outbound::Settings::default());
        let providers = Providers::new(&settings, "http://us.example", outbound, self.bed.clock.clone());
        self.bed.identity = self.bed.identity.clone().signing_in_with(providers.expect("settings"));
    }

    /// Beside another issuer, called `other`.
    pub(crate) async fn beside() -> (Self, Provider) {
        let (mut house, other) = (Self::new().await, provider(2).await);
        let both = [settings("corp", &house.corp), settings("other", &other)];
        house.signs_in_with(&both);
        (house, other)
    }

    /// Presses the button in a new browser, and says yes there.
    pub(crate) async fn begin(&self) -> Begun {
        self.begin_at("/sign-in/with/corp", &self.corp).await
    }

    pub(crate) async fn begin_at(&self, path: &str, provider: &Provider) -> Begun {
        let answer = self.bed.send("GET", path, &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let consent = provider.consent(location(&answer)).expect("consent");
        Begun { cookies: answer.cookies(), consent }
    }

    /// Comes back to `corp` with these parameters, in a browser with these cookies.
    pub(crate) async fn back(&self, cookies: &str, query: &[(&str, &str)]) -> Answer {
        self.back_to("corp", cookies, query).await
    }

    pub(crate) async fn back_to(&self, name: &str, cookies: &str, query: &[(&str, &str)]) -> Answer {
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let path = format!("/sign-in/with/{name}/callback?{}", query.join("&"));
        self.bed.send("GET", &path, &[("cookie", cookies), ("user-agent", "a browser")]).await
    }

    /// Comes back as the issuer sends.
    pub(crate) async fn finish(&self, it: &Begun) -> Answer {
        self.back(&it.cookies, &[("code", &it.consent.code), ("state", &it.consent.state)]).await
    }

    /// The whole way, by whoever the issuer says it is: the cookies of the browser then.
    pub(crate) async fn sign_in(&self) -> String {
        let answer = self.finish(&self.begin().await).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.cookies()
    }

    pub(crate) async fn me(&self, cookies: &str) -> Value {
        let answer = self.bed.send("GET", "/api/v1/me", &[("cookie", cookies)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    pub(crate) async fn everybody(&self) -> Vec<PersonDetails> {
        self.bed.identity.people("", None, 50).await.expect("read")
    }
}

pub(crate) fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().expect("text")
}

pub(crate) fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Whether an answer let nobody in: a page with a way back, and no session.
pub(crate) fn is_refused(answer: &Answer) -> bool {
    let set = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("text"));
    answer.status.is_client_error()
        && answer.text.contains("You are not signed in")
        && answer.text.contains("href=\"/sign-in\"")
        && set.filter(|cookie| !cookie.contains("Max-Age=0")).count() == 0
}
