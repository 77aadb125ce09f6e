//! Each way to misbehave, in a process of its own, ends the way it says it does.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use im::misbehave::Death;
use im::script::Script;
use support::{bounded, server};
use tokio::process::Command;

async fn play(script: &str) -> (ExitStatus, String) {
    let server = server().await;
    let directory = tempfile::tempdir().unwrap();
    let client = Command::new(env!("CARGO_BIN_EXE_im-client"))
        .args([
            "--server",
            &server.to_string(),
            "--user",
            "ana",
            "--script",
            script,
        ])
        .current_dir(directory.path())
        .kill_on_drop(true)
        .output();
    let output = bounded(client).await.unwrap();
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "the client left something behind"
    );
    (
        output.status,
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[tokio::test]
async fn every_fault_that_ends_a_process_ends_it_in_its_own_way() {
    for fault in [
        "panic",
        "null-dereference",
        "abort",
        "stack-overflow",
        "freeze-deadlock:100ms",
        "exit",
        "kill",
    ] {
        let script: Script = fault.parse().unwrap();
        let death = script.faults().next().unwrap().death();
        let (status, said) = play(fault).await;
        let seen = status
            .code()
            .map(Death::Code)
            .or(status.signal().map(Death::Signal));
        assert_eq!(seen, death, "{fault}: {said}");
    }
}

#[tokio::test]
async fn after_a_freeze_or_a_panic_elsewhere_the_app_goes_on_and_leaves_cleanly() {
    let (status, said) = play("freeze-busy:20ms,freeze-read:20ms,panic-thread,chat:3").await;
    assert!(status.success(), "{said}");
    assert!(said.contains("3 messages acknowledged in"), "{said}");
}

#[tokio::test]
async fn a_network_that_is_lost_stalls_resets_or_refuses_is_told_to_the_user_and_survived() {
    let (status, said) = play("lose-network:300ms,stall:2s,reset,expired-token:500ms,chat:3").await;
    assert!(status.success(), "{said}");
    for line in [
        "Connection refused",
        "the server does not answer",
        "Connection reset",
        "the token has expired",
    ] {
        assert!(said.contains(line), "nothing about {line:?} in:\n{said}");
    }
    assert!(said.contains("3 messages acknowledged in"), "{said}");
}
