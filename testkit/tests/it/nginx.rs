use std::time::Duration;

use anyhow::Result;
use testkit::Nginx;

use crate::{answers, get, skipped};

#[test]
fn it_serves_what_it_was_told() -> Result<()> {
    if skipped(Nginx::is_there(), "nginx") {
        return Ok(());
    }
    let within = Duration::from_secs(5);
    let site = |port| format!("server {{ listen 127.0.0.1:{port}; location / {{ return 200 'as told'; }} }}");
    let mut nginx = Nginx::start(site)?;
    let port = nginx.port();
    assert_eq!(nginx.url(), format!("http://127.0.0.1:{port}"));
    assert!(get(port, within)?.ends_with("as told"));
    nginx.kill()?;
    assert!(!answers(port), "a worker outlived it");
    nginx.start_again()?;
    assert!(get(port, within)?.ends_with("as told"));
    nginx.pause()?;
    assert!(get(port, Duration::from_millis(100)).is_err(), "a paused one answered");
    nginx.resume()?;
    nginx.stop()?;
    assert!(!answers(port));
    nginx.start_again()?;
    drop(nginx);
    assert!(!answers(port));
    Ok(())
}

#[test]
fn a_whole_file_is_taken_and_a_wrong_one_is_shown() -> Result<()> {
    if skipped(Nginx::is_there(), "nginx") {
        return Ok(());
    }
    let nginx = Nginx::whole(|port| {
        let temporary =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {kind};"));
        let http = format!("access_log off; {} server {{ listen 127.0.0.1:{port}; return 204; }}", temporary.concat());
        format!("events {{}}\nhttp {{ {http} }}\n")
    })?;
    assert!(get(nginx.port(), Duration::from_secs(5))?.starts_with("HTTP/1.1 204"));
    let refused = Nginx::start(|_| "server { lissen 80; }".to_owned()).err().expect("it is wrong");
    assert!(format!("{refused:#}").contains("unknown directive \"lissen\""), "{refused:#}");
    Ok(())
}
