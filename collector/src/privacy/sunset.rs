//! The end of a service: a notice that agents can check, told to every one that still sends.

use super::audit::{Deed, Did};
use super::{Office, unwritten};
use crate::store::StoreError;
use candor_protocol::answer::Sunset;
use candor_protocol::deidentify::AppName;
use std::collections::BTreeMap;

/// The notices by app.
pub(super) type Notices = BTreeMap<String, Sunset>;

impl Office {
    /// Signs the end of an app's service. From now on nothing of it is stored, and every agent that sends is told.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sunset(
        &self,
        who: &str,
        app: &AppName,
        notice: &AppName,
        now: u64,
    ) -> Result<Sunset, StoreError> {
        let signature = self.signer().sign(&Sunset::signed(app, notice, now));
        let sunset = Sunset {
            app: app.clone(),
            notice: notice.clone(),
            at: now,
            signature,
        };
        self.note(
            now,
            &Deed {
                who,
                did: Did::SunsetSigned,
                app: Some(app),
                what: format!("notice {notice}"),
            },
        )?;
        self.sunsets
            .change(|notices| notices.insert(app.to_string(), sunset.clone()))
            .map_err(unwritten)?;
        Ok(sunset)
    }

    /// The notice that agents of an app are told; `None` while it is served.
    ///
    /// # Errors
    /// When the notices cannot be read.
    pub fn sunset_of(&self, app: &AppName) -> Result<Option<Sunset>, StoreError> {
        let notices = self.sunsets.read().map_err(unwritten)?;
        Ok(notices.get(app.as_str()).cloned())
    }
}
