//! Contacts and conversations, each behind a lock of its own.

use std::io;
use std::sync::{Arc, Barrier, Mutex, PoisonError};

/// What two threads of the app work on at once.
#[derive(Debug, Default)]
pub struct AddressBook {
    contacts: Mutex<Vec<String>>,
    conversations: Mutex<Vec<String>>,
}

/// Merges a contact on this thread while another synchronises conversations. They take the same two locks, each in its own order, and both
/// have their first before they try their second: neither ever returns.
///
/// # Errors
/// When no thread is to be had.
#[inline(never)]
pub fn merge_while_syncing(book: &Arc<AddressBook>) -> io::Result<()> {
    let both_started = Arc::new(Barrier::new(2));
    let (other_book, other_started) = (Arc::clone(book), Arc::clone(&both_started));
    std::thread::Builder::new()
        .name("im-sync".into())
        .spawn(move || sync_conversations(&other_book, &other_started))?;
    merge_contact(book, &both_started);
    Ok(())
}

#[inline(never)]
fn merge_contact(book: &AddressBook, both_started: &Barrier) {
    let mut contacts = book.contacts.lock().unwrap_or_else(PoisonError::into_inner);
    both_started.wait();
    rename_conversations(book, "ana");
    contacts.push("ana".into());
}

#[inline(never)]
fn rename_conversations(book: &AddressBook, to: &str) {
    let mut conversations = book
        .conversations
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    conversations.push(to.to_owned());
}

#[inline(never)]
fn sync_conversations(book: &AddressBook, both_started: &Barrier) {
    let mut conversations = book
        .conversations
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    both_started.wait();
    let contacts = book.contacts.lock().unwrap_or_else(PoisonError::into_inner);
    conversations.extend(contacts.iter().cloned());
}
