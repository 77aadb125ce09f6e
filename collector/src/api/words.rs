//! What the types of reports look like in JSON. They are declared where agents ship them too, which has no use for descriptions.

use candor_protocol::{catalogue, report};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! lists {
    ($($name:ident = $list:ty;)+) => {
        $(
            /// One of a closed list.
            pub(crate) enum $name {}

            impl JsonSchema for $name {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    let words: Vec<&str> = <$list>::ALL.iter().map(|one| one.as_str()).collect();
                    json_schema!({ "type": "string", "enum": words })
                }
            }
        )+
    };
}

lists! {
    Activity = report::Activity;
    Disconnect = report::Disconnect;
    Extra = catalogue::Extra;
    Failure = report::Failure;
    Family = report::Family;
    FreezeEnd = report::FreezeEnd;
    Kind = report::Kind;
    Level = report::Level;
    Network = report::Network;
    Phase = report::Phase;
    Transport = report::Transport;
    Wait = report::Wait;
}

/// A report as it was sent, with the fields that the catalogue declares for its kind.
pub(crate) enum Report {}

impl JsonSchema for Report {
    fn schema_name() -> Cow<'static, str> {
        "Report".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json_schema!({ "type": "string" });
        json_schema!({
            "type": "object",
            "description": "A report as it was sent; every field is declared in the catalogue.",
            "properties": {
                "id": text,
                "at": {},
                "run": text,
                "pseudonym": text,
                "release": text,
                "device": { "type": "object" },
                "what": { "type": "object" },
            },
            "required": ["id", "at", "run", "pseudonym", "release", "device", "what"],
        })
    }
}
