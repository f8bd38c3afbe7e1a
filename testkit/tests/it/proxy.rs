use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use testkit::{Postgres, Proxy, Side, until};

use crate::{answers, skipped};

/// Longer than anything here takes; a guard, not a wait.
const GUARD: Duration = Duration::from_secs(20);
/// In which somebody would have been heard who is not.
const SILENCE: Duration = Duration::from_millis(150);

/// Says everything back, and counts what it was told. It ends with the test.
struct Echo {
    port: u16,
    heard: Arc<AtomicUsize>,
}

impl Echo {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (port, heard) = (listener.local_addr()?.port(), Arc::new(AtomicUsize::new(0)));
        let counter = heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heard = counter.clone();
                thread::spawn(move || {
                    let mut piece = [0; 4096];
                    while let Ok(length @ 1..) = (&stream).read(&mut piece) {
                        heard.fetch_add(length, Ordering::SeqCst);
                        if (&stream).write_all(&piece[..length]).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Ok(Self { port, heard })
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

fn client(proxy: &Proxy) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    stream.set_read_timeout(Some(GUARD))?;
    Ok(stream)
}

/// Says it, and waits until it is said back.
fn echoed(stream: &mut TcpStream, text: &str) -> Result<()> {
    stream.write_all(text.as_bytes())?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back)?;
    assert_eq!(back, text.as_bytes());
    Ok(())
}

/// What reading ends with: nothing after an orderly end.
fn end(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut heard = Vec::new();
    let ended = stream.read_to_end(&mut heard);
    (heard, ended.err().map(|error| error.kind()))
}

#[test]
fn it_carries_everything_and_the_end_of_each_side() -> Result<()> {
    let echo = Echo::start()?;
    let proxy = Proxy::to(echo.port)?;
    let address = format!("tcp://user:secret@127.0.0.1:{}/x", echo.port);
    assert_eq!(proxy.url(&address), format!("tcp://user:secret@127.0.0.1:{}/x", proxy.port()));
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let stream = client(&proxy)?;
    let (mut writer, to_send) = (stream.try_clone()?, sent.clone());
    let writing = thread::spawn(move || {
        writer.write_all(&to_send)?;
        // Half closed: what comes back still comes.
        writer.shutdown(std::net::Shutdown::Write)
    });
    let mut stream = stream;
    let (heard, error) = end(&mut stream);
    writing.join().expect("no panic")?;
    assert_eq!((heard == sent, error), (true, None));
    drop(stream);
    until("the connection is kept", || Ok((proxy.open() == 0).then_some(())))?;
    assert_eq!((proxy.accepted(), proxy.cuts()), (1, 0));
    Ok(())
}

#[test]
fn cut_resets_what_is_open_and_refuses_what_comes_until_it_is_healed() -> Result<()> {
    let echo = Echo::start()?;
    let proxy = Proxy::to(echo.port)?;
    let mut open = [client(&proxy)?, client(&proxy)?, client(&proxy)?];
    for stream in &mut open {
        echoed(stream, "before")?;
    }
    for _ in 0..3 {
        proxy.cut();
        assert_eq!(proxy.open(), 0, "they are gone when it returns");
        assert!(TcpStream::connect(("127.0.0.1", proxy.port())).is_err_and(|error| {
            // No listener is there: not one that accepts and hangs up.
            error.kind() == ErrorKind::ConnectionRefused
        }));
        proxy.cut();
        proxy.heal()?;
        proxy.heal()?;
        echoed(&mut client(&proxy)?, "after")?;
    }
    for stream in &mut open {
        assert_eq!(end(stream), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    }
    assert!(proxy.cuts() >= 3, "{}", proxy.cuts());
    Ok(())
}

/// A side that does not read blocks the thread that writes to it: that one ends as well.
#[test]
fn cut_ends_connections_that_nobody_reads() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let proxy = Proxy::to(listener.local_addr()?.port())?;
    let mut stream = client(&proxy)?;
    let (_silent, _) = listener.accept()?;
    stream.set_write_timeout(Some(SILENCE))?;
    let filled = (0..10_000).any(|_| stream.write_all(&[7; 64 * 1024]).is_err());
    assert!(filled, "nobody takes more");
    proxy.cut();
    assert_eq!(proxy.open(), 0);
    Ok(())
}

#[test]
fn stalled_no_byte_passes_and_nothing_is_lost() -> Result<()> {
    let echo = Echo::start()?;
    let proxy = Proxy::to(echo.port)?;
    let mut old = client(&proxy)?;
    echoed(&mut old, "before")?;
    proxy.stall();
    old.write_all(b"said while it stalled")?;
    let mut new = client(&proxy)?;
    new.write_all(b"new")?;
    // An end is no news either.
    new.shutdown(std::net::Shutdown::Write)?;
    for stream in [&mut old, &mut new] {
        stream.set_read_timeout(Some(SILENCE))?;
        let silent = stream.read(&mut [0]).expect_err("stalled");
        assert!(matches!(silent.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silent}");
        stream.set_read_timeout(Some(GUARD))?;
    }
    assert_eq!((echo.heard(), proxy.open()), ("before".len(), 2));
    proxy.heal()?;
    let mut back = [0; 21];
    old.read_exact(&mut back)?;
    assert_eq!(&back, b"said while it stalled");
    assert_eq!(end(&mut new), (b"new".to_vec(), None));

    // A cut ends what hangs.
    proxy.stall();
    old.write_all(b"never heard")?;
    let mut hanging = client(&proxy)?;
    until("it was not accepted", || Ok((proxy.accepted() == 3).then_some(())))?;
    proxy.cut();
    for stream in [&mut old, &mut hanging] {
        assert_eq!(end(stream), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    }
    assert_eq!(echo.heard(), "beforesaid while it stallednew".len());
    Ok(())
}

#[test]
fn slow_delays_each_way_until_it_is_healed() -> Result<()> {
    let echo = Echo::start()?;
    let proxy = Proxy::to(echo.port)?;
    let mut stream = client(&proxy)?;
    echoed(&mut stream, "at once")?;
    proxy.slow(SILENCE);
    let begun = Instant::now();
    echoed(&mut stream, "there and back")?;
    assert!(begun.elapsed() >= SILENCE * 2, "{:?}", begun.elapsed());
    // What is under way need not wait out its time.
    proxy.slow(GUARD * 100);
    stream.write_all(b"late")?;
    proxy.heal()?;
    stream.read_exact(&mut [0; 4])?;
    echoed(&mut stream, "at once")
}

#[test]
fn a_connection_is_cut_after_so_many_bytes_and_others_are_not() -> Result<()> {
    let echo = Echo::start()?;
    let proxy = Proxy::to(echo.port)?;
    let mut other = client(&proxy)?;
    echoed(&mut other, "old")?;

    proxy.cut_after(Side::Client, 7);
    let mut stream = client(&proxy)?;
    echoed(&mut stream, "12345")?;
    let before = echo.heard();
    stream.write_all(b"67890")?;
    assert_eq!(end(&mut stream).1, Some(ErrorKind::ConnectionReset));
    until("the last bytes do not arrive", || Ok((echo.heard() == before + 2).then_some(())))?;

    proxy.cut_after(Side::Server, 3);
    let mut stream = client(&proxy)?;
    stream.write_all(b"12345")?;
    assert_eq!(end(&mut stream), (b"123".to_vec(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(echo.heard(), before + 2 + 5);
    proxy.cut_after(Side::Server, 5);
    let mut stream = client(&proxy)?;
    stream.write_all(b"12345")?;
    assert_eq!(end(&mut stream), (b"12345".to_vec(), Some(ErrorKind::ConnectionReset)));

    echoed(&mut other, "old")?;
    echoed(&mut client(&proxy)?, "new ones as well")?;
    assert_eq!(proxy.cuts(), 3);
    Ok(())
}

#[test]
fn an_answer_is_lost_and_its_request_is_not() -> Result<()> {
    let echo = Echo::start()?;
    let proxy = Proxy::to(echo.port)?;
    let (mut one, mut two) = (client(&proxy)?, client(&proxy)?);
    echoed(&mut one, "a")?;
    proxy.cut_before_answer(b"COMMIT");
    echoed(&mut two, "SELECT")?;
    echoed(&mut one, "INSERT")?;
    let before = echo.heard();
    one.write_all(b"; COMMIT;")?;
    assert_eq!(end(&mut one), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(echo.heard(), before + 9, "the request passed");
    // Once only.
    echoed(&mut two, "COMMIT")?;
    proxy.cut_before_answer(b"");
    proxy.heal()?;
    echoed(&mut two, "COMMIT")?;
    assert_eq!(proxy.cuts(), 1);
    Ok(())
}

#[test]
fn a_commit_in_doubt_was_committed() -> Result<()> {
    if skipped(Postgres::is_there(), "PostgreSQL") {
        return Ok(());
    }
    let postgres = Postgres::fast()?;
    postgres.sql("CREATE TABLE kept (n INT)")?;
    let proxy = Proxy::to(postgres.port())?;
    proxy.cut_before_answer(b"COMMIT");
    let mut psql = Command::new("psql");
    let psql = psql.args(["--no-psqlrc", "--dbname", &proxy.url(&postgres.url())]);
    let said = psql.args(["-c", "BEGIN", "-c", "INSERT INTO kept VALUES (1)", "-c", "COMMIT"]).output()?;
    assert!(!said.status.success(), "it was told of its commit: {said:?}");
    until("the commit was lost", || Ok((postgres.sql("SELECT count(*) FROM kept")? == "1").then_some(())))?;
    assert_eq!(proxy.cuts(), 1);
    Ok(())
}

#[test]
fn a_server_that_is_away_or_dies_is_seen_as_such() -> Result<()> {
    let port = {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.local_addr()?.port()
    };
    let proxy = Proxy::to(port)?;
    assert_eq!(end(&mut client(&proxy)?).1, Some(ErrorKind::ConnectionReset));
    // The server starts later, and hangs up.
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let mut stream = client(&proxy)?;
    let (mut accepted, _) = listener.accept()?;
    accepted.write_all(b"bye")?;
    drop(accepted);
    assert_eq!(end(&mut stream), (b"bye".to_vec(), None));
    drop(stream);
    until("they are kept", || Ok((proxy.open() == 0).then_some(())))?;
    assert_eq!(proxy.cuts(), 0, "it has cut none by itself");
    Ok(())
}

/// Faults come while connections come and go: it never hangs, keeps nothing, and works when it is healed.
#[test]
fn faults_in_a_crowd_leave_nothing_behind() -> Result<()> {
    let echo = Echo::start()?;
    let proxy = Arc::new(Proxy::to(echo.port)?);
    let crowd: Vec<_> = (0..8)
        .map(|_| {
            let proxy = proxy.clone();
            // Refused, reset or stalled for a while: all of that is meant.
            thread::spawn(move || {
                let opened = std::iter::repeat_with(|| client(&proxy)).flatten().take(40);
                opened.filter_map(|mut stream| (0..20).try_for_each(|_| echoed(&mut stream, "some words")).ok()).count()
            })
        })
        .collect();
    let mut round = 0;
    while crowd.iter().any(|one| !one.is_finished()) {
        match round % 5 {
            0 => proxy.cut(),
            1 => proxy.stall(),
            2 => proxy.cut_after(Side::Client, round % 97),
            3 => proxy.cut_before_answer(b""),
            _ => proxy.slow(Duration::from_micros(round % 700)),
        }
        proxy.heal()?;
        // One round trip of fair weather.
        echoed(&mut client(&proxy)?, "fair")?;
        round += 1;
    }
    let carried: usize = crowd.into_iter().map(|one| one.join().expect("no panic")).sum();
    until("connections are kept", || Ok((proxy.open() == 0).then_some(())))?;
    println!("{round} faults: {carried} of {} connections were carried, {} were cut", proxy.accepted(), proxy.cuts());
    echoed(&mut client(&proxy)?, "well")
}

#[test]
fn dropped_it_is_gone() -> Result<()> {
    let echo = Echo::start()?;
    let proxy = Proxy::to(echo.port)?;
    let port = proxy.port();
    let mut stream = client(&proxy)?;
    echoed(&mut stream, "x")?;
    proxy.stall();
    drop(proxy);
    assert_eq!(end(&mut stream), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    assert!(!answers(port));
    TcpListener::bind(("127.0.0.1", port)).context("its port is not free")?;
    Ok(())
}
