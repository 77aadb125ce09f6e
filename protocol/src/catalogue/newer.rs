//! Finding a field that a version of the catalogue does not have.

use super::{FIELDS, Field};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The first field in a report, given as its line of JSON, that version `version` of the catalogue does not have. The line is looked
/// through once and nothing is made of it. What is no report has none: [`Report::from_json`](crate::report::Report::from_json)
/// refuses that.
pub fn newer(line: &str, version: u32) -> Option<&'static Field> {
    if version >= super::VERSION {
        return None;
    }
    let mut json = serde_json::Deserializer::from_str(line);
    let found = In(tree(version)).deserialize(&mut json);
    found.unwrap_or_default()
}

/// The fields that came after a version, by the steps of their paths.
#[derive(Default)]
struct Tree {
    field: Option<&'static Field>,
    below: HashMap<&'static str, Tree>,
}

/// A step into the elements of a list.
const ELEMENT: &str = "[]";

/// The tree of a version. There are few versions, and each is grown once.
fn tree(version: u32) -> &'static Tree {
    static GROWN: Mutex<Vec<(u32, &'static Tree)>> = Mutex::new(Vec::new());
    let mut grown = GROWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, tree)) = grown.iter().find(|(of, _)| *of == version) {
        return tree;
    }
    let mut tree = Tree::default();
    for field in FIELDS.iter().filter(|field| field.since > version) {
        let mut at = &mut tree;
        for name in field.path.split('.') {
            let plain = name.trim_end_matches(ELEMENT);
            at = at.below.entry(plain).or_default();
            for _ in 0..(name.len() - plain.len()) / ELEMENT.len() {
                at = at.below.entry(ELEMENT).or_default();
            }
        }
        at.field = Some(field);
    }
    let tree: &'static Tree = Box::leak(Box::new(tree));
    grown.push((version, tree));
    tree
}

/// A value of the report, at a place of the tree.
struct In(&'static Tree);

impl<'de> DeserializeSeed<'de> for In {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        match self.0.field {
            Some(field) => from
                .deserialize_ignored_any(IgnoredAny)
                .map(|_| Some(field)),
            None if self.0.below.is_empty() => {
                from.deserialize_ignored_any(IgnoredAny).map(|_| None)
            }
            None => from.deserialize_any(self),
        }
    }
}

/// What holds nothing has no field in it.
macro_rules! nothing {
    ($($visit:ident($type:ty)),+) => {
        $(fn $visit<E>(self, _: $type) -> Result<Self::Value, E> { Ok(None) })+
    };
}

impl<'de> Visitor<'de> for In {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a report")
    }

    nothing!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_f64(f64),
        visit_str(&str)
    );

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = None;
        while let Some(below) = map.next_key_seed(Name(self.0))? {
            let inner = match below {
                Some(below) => map.next_value_seed(In(below))?,
                None => map.next_value::<IgnoredAny>().map(|_| None)?,
            };
            found = found.or(inner);
        }
        Ok(found)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        let mut found = None;
        let Some(below) = self.0.below.get(ELEMENT) else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(None);
        };
        while let Some(inner) = list.next_element_seed(In(below))? {
            found = found.or(inner);
        }
        Ok(found)
    }
}

/// A name in the report, and where it leads in the tree.
struct Name(&'static Tree);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Tree>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Tree>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.below.get(name))
    }
}
