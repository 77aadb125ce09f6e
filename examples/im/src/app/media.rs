//! Thumbnails, made on a thread of their own.

use std::hint::black_box;
use std::io;

/// Makes a thumbnail of `photo`, which `sender` sent, on a worker thread; `None` when the worker died of it.
///
/// # Errors
/// When no thread is to be had.
#[inline(never)]
pub fn make_thumbnail(sender: &str, photo: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let sender = sender.to_owned();
    let worker = std::thread::Builder::new()
        .name("im-thumbnails".into())
        .spawn(move || decode_photo(&sender, &photo))?;
    Ok(worker.join().ok())
}

#[inline(never)]
fn decode_photo(sender: &str, photo: &[u8]) -> Vec<u8> {
    black_box(next_segment(sender, photo, 0).to_vec())
}

#[inline(never)]
fn next_segment<'a>(sender: &str, photo: &'a [u8], at: usize) -> &'a [u8] {
    match photo
        .get(at)
        .map(|length| at + 1..at + 1 + usize::from(*length))
    {
        Some(range) if range.end <= photo.len() => &photo[range],
        _ => panic!(
            "photo from {sender}@example.com ends inside a segment: {at} of {} bytes",
            photo.len()
        ),
    }
}
