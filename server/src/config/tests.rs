//! Layers, mistakes and their words.

use super::*;

fn with(pairs: &[(&str, &str)]) -> Overrides {
    let environment = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Overrides { environment, ..Overrides::default() }
}

#[test]
fn the_defaults_are_in_order() {
    let config = load(&Overrides::default()).expect("loads");
    assert_eq!(config.server.listen, "127.0.0.1:8080");
    assert!(config.explain().contains("server.listen = \"127.0.0.1:8080\"  # default"));
}

#[test]
fn later_layers_win_and_say_so() {
    let mut overrides = with(&[("PORT", "9000"), ("MAINSPRING__JOBS__CONCURRENCY", "7")]);
    let config = load(&overrides).expect("loads");
    assert_eq!((config.server.listen.as_str(), config.jobs.concurrency), ("0.0.0.0:9000", 7));
    overrides.listen = Some("127.0.0.1:1".into());
    let config = load(&overrides).expect("loads");
    assert!(config.explain().contains("server.listen = \"127.0.0.1:1\"  # --listen"));
}

#[test]
fn a_mistake_names_its_setting() {
    let message = |pairs: &[(&str, &str)]| load(&with(pairs)).expect_err("refused").to_string();
    assert!(message(&[("MAINSPRING__JOBS__THREADS", "7")]).contains("no setting jobs.threads"));
    assert!(message(&[("MAINSPRING__LISTEN", "127.0.0.1:1")]).contains("MAINSPRING__SECTION__KEY"));
    assert!(message(&[("MAINSPRING__JOBS__CONCURRENCY", "0")]).contains("jobs.concurrency = 0"));
    assert!(message(&[("MAINSPRING__STORE__DURABILITY", "maybe")]).contains("durability"));
    assert!(message(&[("MAINSPRING__JOBS__CONCURRENCY", "x")]).contains("concurrency"));
    assert!(message(&[("MAINSPRING__SERVER__LISTEN", "here")]).contains("address and a port"));
    let missing = Overrides { file: Some("/nonexistent.toml".into()), ..Overrides::default() };
    assert!(matches!(load(&missing), Err(ConfigError::Unreadable(..))));
}

#[test]
fn the_beat_of_socketio_is_one_that_can_be_kept() {
    let (interval, timeout) =
        ("MAINSPRING__REALTIME__SOCKETIO_PING_INTERVAL_MS", "MAINSPRING__REALTIME__SOCKETIO_PING_TIMEOUT_MS");
    let usual = load(&Overrides::default()).expect("loads").realtime.socketio_beat();
    assert_eq!(usual, realtime::socketio::Beat::default(), "the limits and mainspring.toml say the same");
    let quick = load(&with(&[(interval, "300"), (timeout, "200")])).expect("loads").realtime.socketio_beat();
    assert_eq!((quick.ping.as_millis(), quick.pong.as_millis()), (300, 200));
    for wrong in [
        [(interval, "10000"), (timeout, "20000")],
        [(interval, "250"), (timeout, "200")],
        [(interval, "90000"), (timeout, "200")],
    ] {
        let refused = load(&with(&wrong)).expect_err("refused").to_string();
        assert!(refused.contains("realtime.socketio_ping_interval_ms"), "{refused}");
    }
}

#[test]
fn mail_is_set_up_whole_or_not_at_all() {
    let message = |pairs: &[(&str, &str)]| load(&with(pairs)).expect_err("refused").to_string();
    let host = ("MAINSPRING__MAIL__HOST", "smtp.example.org");
    let from = ("MAINSPRING__MAIL__FROM", "Mainspring <live@example.org>");
    let password = ("MAINSPRING__MAIL__PASSWORD", "hunter2");
    assert!(message(&[host]).contains("mail.from"));
    assert!(message(&[host, from, password]).contains("mail.user"));
    let confirm = ("MAINSPRING__IDENTITY__CONFIRM_EMAIL", "true");
    assert!(message(&[confirm]).contains("identity.confirm_email"));
    let all = [host, from, password, confirm, ("MAINSPRING__MAIL__USER", "live")];
    let config = load(&with(&all)).expect("loads");
    assert!(config.mail.settings().is_set() && !config.explain().contains("hunter2"));
}

#[test]
fn ended_jobs_are_kept_by_how_they_ended() {
    let day_ms = 86_400_000;
    let keep = |pairs: &[(&str, &str)]| load(&with(pairs)).expect("loads").retention.jobs();
    let usual = jobs::policy::Keep { completed_ms: day_ms, cancelled_ms: 7 * day_ms, discarded_ms: 30 * day_ms };
    assert_eq!(keep(&[]), usual);
    let longer =
        [("MAINSPRING__RETENTION__JOBS_COMPLETED_DAYS", "90"), ("MAINSPRING__RETENTION__JOBS_CANCELLED_DAYS", "2")];
    assert_eq!(
        keep(&longer),
        jobs::policy::Keep { completed_ms: 90 * day_ms, cancelled_ms: 2 * day_ms, discarded_ms: 30 * day_ms }
    );
    for setting in
        ["jobs_completed_days", "jobs_cancelled_days", "jobs_discarded_days", "audit_days", "deliveries_days"]
    {
        let variable = format!("MAINSPRING__RETENTION__{}", setting.to_uppercase());
        for bad in ["0", "-1", "1.5", "for ever"] {
            let said = load(&with(&[(&variable, bad)])).expect_err("refused").to_string();
            assert!(said.contains(setting), "{setting} = {bad}: {said}");
        }
    }
}

#[test]
fn a_rate_that_is_none_names_its_setting() {
    for setting in ["sign_in", "api", "key", "ingress", "public"] {
        let variable = format!("MAINSPRING__LIMITS__{}", setting.to_uppercase());
        let said = load(&with(&[(&variable, "many")])).expect_err("refused").to_string();
        assert!(said.contains(setting), "{setting}: {said}");
        assert!(load(&with(&[(&variable, "5/10s")])).is_ok(), "{setting}");
    }
}

#[test]
fn a_fleet_is_named_by_its_usual_variables_and_its_addresses_are_not_shown() {
    let both = [("DATABASE_URL", "postgres://me:hunter2@db/x"), ("REDIS_URL", "redis://:hunter2@cache")];
    let config = load(&with(&both)).expect("loads");
    assert!(config.store.is_shared());
    let shown = format!("{}{config:?}", config.explain());
    assert!(!shown.contains("hunter2") && shown.contains("store.url = [secret]  # DATABASE_URL"), "{shown}");
    let said = load(&with(&both[1..])).expect_err("refused").to_string();
    assert!(said.contains("DATABASE_URL") && !said.contains("hunter2"), "{said}");
    let said = load(&with(&[both[0], ("MAINSPRING__BACKUP__EVERY_HOURS", "6")])).expect_err("refused").to_string();
    assert!(said.contains("backup.every_hours"), "{said}");
    assert!(load(&Overrides::default()).expect("loads").explain().contains("store.url = \"\"  # default"));
}

#[test]
fn postgres_is_reached_past_a_pooler_where_its_own_address_is_given() {
    let pooler = ("DATABASE_URL", "postgres://me:hunter2@pooler/x");
    let store = load(&with(&[pooler])).expect("loads").store;
    assert_eq!((store.past_the_pooler().is_some(), store.direct().expose()), (false, pooler.1));
    let direct = ("MAINSPRING__STORE__DIRECT_URL", "postgres://me:hunter2@db/x");
    let config = load(&with(&[pooler, direct])).expect("loads");
    assert_eq!((config.store.url.expose(), config.store.direct().expose()), (pooler.1, direct.1));
    assert!(!format!("{}{config:?}", config.explain()).contains("hunter2"));
    let said = load(&with(&[direct])).expect_err("refused").to_string();
    assert!(said.contains("store.direct_url = [secret]") && said.contains("DATABASE_URL"), "{said}");
}

#[test]
fn a_replica_is_one_of_a_shared_database_and_its_address_is_a_secret() {
    let replica = ("MAINSPRING__STORE__REPLICA_URL", "postgres://me:hunter2@replica/x");
    let config = load(&with(&[("DATABASE_URL", "postgres://me:hunter2@db/x"), replica])).expect("loads");
    assert_eq!(config.store.replica().map(kernel::Secret::expose), Some(replica.1));
    assert!(!format!("{}{config:?}", config.explain()).contains("hunter2"));
    assert!(load(&with(&[])).expect("loads").store.replica().is_none());
    let said = load(&with(&[replica])).expect_err("refused").to_string();
    assert!(said.contains("store.replica_url = [secret]") && said.contains("SQLite"), "{said}");
}

#[test]
fn a_secret_that_cannot_be_read_is_not_said() {
    let lost_quote = r#"[{ name = "corp", client_secret = "hunter2 }]"#;
    let said = load(&with(&[("MAINSPRING__IDENTITY__SIGN_IN", lost_quote)])).expect_err("refused").to_string();
    assert!(
        said.contains("identity.sign_in (from MAINSPRING__IDENTITY__SIGN_IN)") && !said.contains("hunter2"),
        "{said}"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("mainspring.toml");
    std::fs::write(&file, format!("[identity]\nsign_in = {lost_quote}\n")).expect("written");
    let said = load(&Overrides { file: Some(file), ..Overrides::default() }).expect_err("refused").to_string();
    assert!(said.contains("line 2") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_role_is_one_that_there_is() {
    let mut overrides = Overrides { roles: vec!["ingress".into(), "worker".into()], ..Overrides::default() };
    let server = load(&overrides).expect("loads").server;
    assert!(server.does(Role::Ingress) && server.does(Role::Worker) && !server.does(Role::Api));
    assert!(load(&Overrides::default()).expect("loads").server.does(Role::Scraper));
    overrides.roles = vec!["cook".into()];
    assert!(load(&overrides).is_err());
    assert!(load(&with(&[("MAINSPRING__SERVER__ROLES", "[]")])).expect_err("refused").to_string().contains("one role"));
}

#[test]
fn files_are_in_a_directory_or_in_a_bucket_and_the_key_is_a_secret() {
    let read = |pairs: &[(&str, &str)]| {
        let named: Vec<_> =
            pairs.iter().map(|(name, value)| (format!("MAINSPRING__OBJECTS__{name}"), *value)).collect();
        load(&with(&named.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>()))
    };
    assert!(read(&[]).expect("settings").objects.bucket().is_none());
    let bucket = [("S3_ENDPOINT", "https://s3.example.org"), ("S3_BUCKET", "files"), ("S3_SECRET_KEY", "hunter2")];
    let config = read(&bucket).expect("settings");
    assert_eq!(config.objects.bucket().expect("a bucket").bucket, "files");
    assert!(config.explain().contains("objects.s3_secret_key = [secret]") && !config.explain().contains("hunter2"));
    let both =
        read(&[("S3_ENDPOINT", "https://s3.example.org"), ("DIR", "/srv/files")]).expect_err("refused").to_string();
    assert!(both.contains("objects.dir"), "{both}");
    let lost = read(&[("S3_BUCKET", "files")]).expect_err("refused").to_string();
    assert!(lost.contains("objects.s3_endpoint"), "{lost}");
}

#[test]
fn files_have_a_directory_of_their_own() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name).to_str().expect("plain").to_owned();
    std::fs::create_dir(dir.path().join("data")).expect("made");
    std::os::unix::fs::symlink(dir.path().join("data"), dir.path().join("linked")).expect("a link");
    let loaded = |objects: &str, backups: &str| {
        let mut overrides = with(&[("MAINSPRING__OBJECTS__DIR", objects), ("MAINSPRING__BACKUP__DIRECTORY", backups)]);
        overrides.data = Some(at("data"));
        load(&overrides).map_err(|error| error.to_string())
    };
    let backups = at("backups");
    for fit in [String::new(), at("data/objects"), at("data/files"), at("elsewhere"), at("dat")] {
        loaded(&fit, &backups).expect("loads");
    }
    let unfit = [at("data"), at("linked"), at("."), at("data/"), "/".to_owned(), backups.clone()];
    for unfit in unfit {
        let refused = loaded(&unfit, &backups).expect_err("refused");
        assert!(refused.contains("objects.dir") && refused.contains("of their own"), "{unfit}: {refused}");
    }
    assert!(loaded("", &at("data/objects/backups")).is_err() && loaded(&at("linked/backups"), "").is_err());
}
