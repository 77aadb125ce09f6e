//! What an identifier is taken for, and the constant that stands in its place.

macro_rules! kinds {
    ($(#[doc = $meaning:literal] $kind:ident = $name:literal,)*) => {
        /// What an identifier is taken for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = $meaning] $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// The kind in a word, as it stands between the brackets of its replacement.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)* }
            }

            /// What it is, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Kind::$kind => $meaning.trim_start(),)* }
            }

            /// What stands in the place of an identifier of this kind, such as `‹phone›`.
            pub const fn replacement(self) -> &'static str {
                match self { $(Kind::$kind => concat!("‹", $name, "›"),)* }
            }
        }
    };
}

kinds! {
    /// A telephone number, of any country.
    Phone = "phone",
    /// An e-mail address.
    Email = "email",
    /// A number of a citizen's identity card, or a social security number.
    IdCard = "id-card",
    /// A passport or travel document.
    Passport = "passport",
    /// A unified social credit code or tax number.
    TaxId = "tax-id",
    /// A number of a bank card or account.
    BankCard = "card",
    /// A vehicle's plate.
    Plate = "plate",
    /// A postal address.
    Address = "address",
    /// A day of birth.
    Birth = "birth",
    /// Coordinates of a place.
    Geo = "geo",
    /// A person's name.
    Person = "person",
    /// A name that a person gave themselves.
    Nick = "nick",
    /// The name of a group.
    Group = "group",
    /// What somebody wrote to somebody.
    Message = "message",
    /// An account of the host's own service.
    Account = "user",
    /// A conversation of the host's own service.
    Conversation = "conv",
    /// An account of another service.
    Social = "social",
    /// The user name of an operating system.
    OsUser = "os-user",
    /// An IPv4 or IPv6 address.
    Ip = "ip",
    /// A hardware address.
    Mac = "mac",
    /// The name of a wireless network.
    Ssid = "ssid",
    /// The name of a computer.
    Host = "host",
    /// The name that somebody gave a device.
    Device = "device",
    /// An identifier of a device, other than those below.
    DeviceId = "device-id",
    /// A universally unique identifier.
    Uuid = "uuid",
    /// The identity of a phone (IMEI, MEID).
    Imei = "imei",
    /// The identity of a subscriber.
    Imsi = "imsi",
    /// The number of a SIM card.
    Iccid = "iccid",
    /// Where push messages for a device go.
    PushToken = "push-token",
    /// A password or passphrase.
    Password = "password",
    /// A token, key, signature, cookie or other secret.
    Secret = "secret",
    /// A file that a person named.
    File = "file",
    /// Encoded data that may hold anything.
    Blob = "blob",
    /// Text that could not be judged.
    Text = "text",
}
