//! What ClickHouse says when it does not do what it was asked to.

use crate::store::StoreError;
use clickhouse::error::Error;

/// Whether another server may do better.
pub(super) fn is_away(error: &Error) -> bool {
    match error {
        Error::Network(_) | Error::TimedOut => true,
        Error::BadResponse(text) => matches!(code(text), Some(210 | 225 | 242 | 394 | 999)),
        _ => false,
    }
}

/// The number of an error that the server reports.
pub(super) fn code(text: &str) -> Option<u32> {
    let number = text.split_once("Code: ")?.1;
    let end = number.find(|next: char| !next.is_ascii_digit());
    number.get(..end.unwrap_or(number.len()))?.parse().ok()
}

/// What ClickHouse says, as the store says it. Its messages quote what was asked, so they are not repeated.
pub(super) fn failed(error: Error) -> StoreError {
    match &error {
        Error::Network(_) => StoreError::Unavailable("no ClickHouse answers".to_owned()),
        Error::TimedOut => StoreError::Unavailable("ClickHouse did not answer in time".to_owned()),
        Error::BadResponse(text) => match code(text) {
            Some(number) => {
                let said = format!("ClickHouse refused (its error {number})");
                match number {
                    // Files that cannot be written, quotas, sign-in, memory, disk, parts, replicas, keeper.
                    74..=76
                    | 159
                    | 160
                    | 164
                    | 192..=194
                    | 201
                    | 202
                    | 209
                    | 210
                    | 225
                    | 236
                    | 241..=243
                    | 252
                    | 279
                    | 285
                    | 286
                    | 319
                    | 394
                    | 425
                    | 516
                    | 999 => StoreError::Unavailable(said),
                    _ => StoreError::Fault(said),
                }
            }
            None => StoreError::Fault("ClickHouse refused and did not say why".to_owned()),
        },
        // These are about types, not about values.
        _ => StoreError::Fault(format!(
            "ClickHouse answered what was not expected: {error}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_quotes_is_not_repeated() {
        let text = "Code: 62, e.displayText() = DB::Exception: Syntax error: 'secret'";
        let error = failed(Error::BadResponse(text.to_owned()));
        assert_eq!(
            error,
            StoreError::Fault("ClickHouse refused (its error 62)".to_owned())
        );
        let full = "Code: 243. DB::Exception: Cannot reserve secret";
        assert!(matches!(
            failed(Error::BadResponse(full.to_owned())),
            StoreError::Unavailable(_)
        ));
    }
}
