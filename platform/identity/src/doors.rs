//! The pages by which people come in: signing in, joining by an invitation, setting a password by a link. They do what the API
//! does, for a browser that runs no script of ours.

use axum::Form;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use kernel::{Problem, ProblemResult, Secret};
use serde::Deserialize;
use store::Tx;
use utoipa_axum::router::OpenApiRouter;

use crate::http::{credentials, keep_signed_in};
use crate::invitations::Applicant;
use crate::pages::{self, Field};
use crate::people::Registration;
use crate::{Identity, sign_in_with};

/// Every route where somebody becomes somebody else: where guesses at links, invitations and passwords are made.
pub const DOORS: [&str; 15] = [
    "/console/enter/{token}",
    "/sign-in",
    "/sign-in/with/{issuer}",
    RETURN,
    "/join",
    "/join/{token}",
    "/join/{token}/with/{issuer}",
    "/password",
    "/password/{token}",
    "/confirm/{token}",
    "/api/v1/session",
    "/api/v1/people/register",
    "/api/v1/people/confirm",
    "/api/v1/people/password-forgotten",
    "/api/v1/people/password-reset",
];

/// Where issuers send browsers back to: the one door that opens by a `GET`.
pub const RETURN: &str = "/sign-in/with/{issuer}/callback";

pub(crate) fn routes() -> OpenApiRouter<Identity> {
    let router: Router<Identity> = Router::new()
        .route("/sign-in", get(show_sign_in).post(sign_in))
        .route("/join", get(show_join).post(join_open))
        .route("/join/{token}", get(show_join).post(join))
        .route("/password", get(show_forgotten).post(forgotten))
        .route("/password/{token}", get(show_password).post(set_password))
        .route("/confirm/{token}", get(show_confirm).post(confirm));
    router.merge(sign_in_with::http::routes()).into()
}

#[derive(Deserialize)]
pub(crate) struct Next {
    /// Where to go then: a path of this server.
    #[serde(default)]
    next: String,
}

impl Next {
    /// The path; a product's, and never another server's address.
    pub(crate) fn path(&self) -> &str {
        let local = self.next.starts_with('/') && !self.next.starts_with("//");
        let plain = self.next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if local && plain { &self.next } else { "/" }
    }
}

/// What a person types on one of these pages; each has some of it.
#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    password: Secret,
}

const PASSWORD: Field<'static> =
    Field { name: "password", label: "Password", kind: "password", fills: "current-password", value: "", hint: "" };
const NEW_PASSWORD: Field<'static> = Field { fills: "new-password", hint: "8 characters or more", ..PASSWORD };

fn email(value: &str) -> Field<'_> {
    Field { name: "email", label: "E-mail", kind: "email", fills: "username", value, hint: "" }
}

/// A form that a page of ours sent: others could sign a browser in as somebody it is not.
fn from_here(headers: &HeaderMap) -> ProblemResult<()> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let here = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            origin.split_once("://").map(|(_, origin)| origin) == host
        }
        // No browser: it has no cookie of anybody's either.
        (None, None) => true,
    };
    if here { Ok(()) } else { Err(Problem::forbidden("This form is sent by the page of this server only.")) }
}

fn sign_in_page(identity: &Identity, next: &Next, status: StatusCode, (wrong, typed): (&str, &str)) -> Response {
    let fields = [email(typed), PASSWORD];
    let form = pages::Form {
        title: "Sign in",
        lead: "With the account that you have here.",
        wrong,
        fields: &fields,
        button: "Sign in",
        with: &sign_in_with::http::buttons(identity, next.path()),
        else_to: identity.sends().then_some(("Forgot the password?", "/password")),
    };
    pages::form(status, &form)
}

async fn show_sign_in(State(identity): State<Identity>, Query(next): Query<Next>) -> Response {
    sign_in_page(&identity, &next, StatusCode::OK, ("", ""))
}

async fn sign_in(
    State(identity): State<Identity>,
    Query(next): Query<Next>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> ProblemResult<Response> {
    from_here(&headers)?;
    match identity.sign_in(credentials(&headers, &typed.email, &typed.password)).await {
        Ok(signed_in) => {
            let mut response = Redirect::to(next.path()).into_response();
            keep_signed_in(&mut response, &identity, &headers, &signed_in)?;
            Ok(response)
        }
        Err(problem) if problem.status().is_server_error() => Err(problem),
        Err(problem) => Ok(sign_in_page(&identity, &next, problem.status(), (problem.detail(), &typed.email))),
    }
}

fn join_page(status: StatusCode, wrong: &str, typed: Option<&Typed>, with: &[(String, String)]) -> Response {
    let (name, address) = typed.map_or(("", ""), |typed| (&typed.name, &typed.email));
    let name =
        Field { name: "name", label: "Name", kind: "text", fills: "name", value: name, hint: "as others see it" };
    let fields = [name, email(address), NEW_PASSWORD];
    let form = pages::Form {
        title: "Join",
        lead: "Make an account on this server.",
        wrong,
        fields: &fields,
        button: "Make the account",
        with,
        else_to: None,
    };
    pages::form(status, &form)
}

fn ways_to_join(identity: &Identity, invitation: &str) -> Vec<(String, String)> {
    match invitation {
        "" => sign_in_with::http::buttons(identity, "/"),
        token => sign_in_with::http::invited_buttons(identity, token),
    }
}

async fn show_join(State(identity): State<Identity>, token: Option<Path<String>>) -> ProblemResult<Response> {
    let ours = identity.clone();
    if !identity.store.read(async move |tx: &mut Tx| ours.may_join(tx).await).await? {
        let words = "Nobody can join at this moment. An invitation that you have stays good within its week.";
        return Ok(pages::says(StatusCode::FORBIDDEN, "Closed for now", words));
    }
    if token.is_none() && identity.registration != Registration::Open {
        let words = "Joining takes an invitation: ask an administrator for one, and open the link.";
        return Ok(pages::says(StatusCode::FORBIDDEN, "By invitation", words));
    }
    let with = ways_to_join(&identity, token.as_deref().map_or("", String::as_str));
    Ok(join_page(StatusCode::OK, "", None, &with))
}

async fn join_open(state: State<Identity>, headers: HeaderMap, typed: Form<Typed>) -> ProblemResult<Response> {
    join(state, Path(String::new()), headers, typed).await
}

/// Makes the account and signs in; where the address had one already, that is for its owner to do.
async fn join(
    State(identity): State<Identity>,
    Path(invitation): Path<String>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> ProblemResult<Response> {
    from_here(&headers)?;
    let Typed { name, email, password } = &typed;
    let registered = identity.register(Applicant { name, email, password, invitation: &invitation }).await;
    match registered {
        Ok(()) => {}
        Err(problem) if problem.status().is_server_error() => return Err(problem),
        Err(problem) if problem.status() == StatusCode::BAD_REQUEST => {
            let with = ways_to_join(&identity, &invitation);
            return Ok(join_page(problem.status(), problem.detail(), Some(&typed), &with));
        }
        Err(problem) => return Ok(pages::says(problem.status(), "That did not work", problem.detail())),
    }
    if identity.confirms {
        let words = "Open the letter that goes to your address now, and the link in it, within an hour.";
        return Ok(pages::says(StatusCode::OK, "Look into your mail", words));
    }
    let Ok(signed_in) = identity.sign_in(credentials(&headers, email, password)).await else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    let mut response = Redirect::to("/").into_response();
    keep_signed_in(&mut response, &identity, &headers, &signed_in)?;
    Ok(response)
}

fn password_page(status: StatusCode, wrong: &str) -> Response {
    let form = pages::Form {
        title: "A new password",
        lead: "It takes the place of the old one, and signs every browser out.",
        wrong,
        fields: &[NEW_PASSWORD],
        button: "Set the password",
        with: &[],
        else_to: None,
    };
    pages::form(status, &form)
}

async fn show_password() -> Response {
    password_page(StatusCode::OK, "")
}

async fn set_password(
    State(identity): State<Identity>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> ProblemResult<Response> {
    from_here(&headers)?;
    match identity.reset_password(&token, &typed.password).await {
        Ok(()) => Ok(pages::says(StatusCode::OK, "Done", "The new password is set.")),
        Err(problem) if problem.status().is_server_error() => Err(problem),
        Err(problem) if problem.status() == StatusCode::BAD_REQUEST => {
            Ok(password_page(problem.status(), problem.detail()))
        }
        Err(problem) => Ok(pages::says(problem.status(), "That did not work", problem.detail())),
    }
}

fn forgotten_page(status: StatusCode, wrong: &str, typed: &str) -> Response {
    let fields = [email(typed)];
    let form = pages::Form {
        title: "Forgot the password?",
        lead: "A link to choose another one goes to your address.",
        wrong,
        fields: &fields,
        button: "Send the link",
        with: &[],
        else_to: Some(("Sign in", "/sign-in")),
    };
    pages::form(status, &form)
}

async fn show_forgotten(State(identity): State<Identity>) -> Response {
    if identity.sends() {
        return forgotten_page(StatusCode::OK, "", "");
    }
    let words = "This server sends no mail: ask an administrator for a link that sets a new password.";
    pages::says(StatusCode::OK, "Forgot the password?", words)
}

/// An address, typed.
#[derive(Deserialize)]
struct Address {
    email: String,
}

async fn forgotten(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Form(typed): Form<Address>,
) -> ProblemResult<Response> {
    from_here(&headers)?;
    match identity.forgot_password(&typed.email).await {
        Ok(()) => {
            let words = "If there is an account of this address, a letter is on its way. Its link works for an hour.";
            Ok(pages::says(StatusCode::OK, "Look into your mail", words))
        }
        Err(problem) if problem.status().is_server_error() => Err(problem),
        Err(problem) => Ok(forgotten_page(problem.status(), problem.detail(), &typed.email)),
    }
}

fn confirm_page(status: StatusCode, wrong: &str) -> Response {
    let form = pages::Form {
        title: "Confirm your address",
        lead: "With the password that you chose for the account.",
        wrong,
        fields: &[PASSWORD],
        button: "Confirm",
        with: &[],
        else_to: None,
    };
    pages::form(status, &form)
}

async fn show_confirm() -> Response {
    confirm_page(StatusCode::OK, "")
}

/// Makes the account that waits for this, and signs in.
async fn confirm(
    State(identity): State<Identity>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> ProblemResult<Response> {
    from_here(&headers)?;
    let address = match identity.confirm(&token, &typed.password).await {
        Ok(address) => address,
        Err(problem) if problem.status().is_server_error() => return Err(problem),
        Err(problem) if problem.status() == StatusCode::GONE => {
            return Ok(pages::says(problem.status(), "That did not work", problem.detail()));
        }
        Err(problem) => return Ok(confirm_page(problem.status(), problem.detail())),
    };
    let signed_in = identity.sign_in(credentials(&headers, &address, &typed.password)).await?;
    let mut response = Redirect::to("/").into_response();
    keep_signed_in(&mut response, &identity, &headers, &signed_in)?;
    Ok(response)
}
