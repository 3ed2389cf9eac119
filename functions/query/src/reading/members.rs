//! Reading JSON objects strictly: each name once, each value of the one type that it may have.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::rejected::{Name, Rejected};

/// The members of one JSON object, taken out one by one; what is left over was not asked for.
pub(crate) struct Members<'a> {
    within: &'static str,
    values: BTreeMap<String, &'a RawValue>,
}

impl<'a> Members<'a> {
    /// The request body.
    ///
    /// # Errors
    /// [`Rejected`] when it is not one JSON object, or names a member twice.
    pub(crate) fn of_body(body: &'a str) -> Result<Self, Rejected> {
        let object: Object<'a> = serde_json::from_str(body).map_err(|_| Rejected::NotJson)?;
        Self::checked("", object)
    }

    /// An object without members.
    pub(crate) fn none() -> Self {
        Self { within: "", values: BTreeMap::new() }
    }

    /// The string of that name, which stays; none when there is none.
    pub(crate) fn text_of(&self, name: &str) -> Option<String> {
        self.values.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// Whether that name stands in it, be it with null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Takes the value of that name; JSON null counts as absent.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value<'a>> {
        let raw = self.values.remove(name)?;
        let value = Value { within: self.within, name: Name::new(name), raw };
        (!value.is_null()).then_some(value)
    }

    /// Every value that is left, in the order of the names.
    pub(crate) fn into_rest(self) -> impl Iterator<Item = (String, &'a RawValue)> {
        self.values.into_iter()
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`Rejected::Member`] with the first name that nobody took.
    pub(crate) fn end(self) -> Result<(), Rejected> {
        match self.values.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Rejected::Member {
                within: self.within,
                name: Name::new(&name),
                problem: "is not a field that this gateway knows",
            }),
        }
    }

    fn checked(within: &'static str, object: Object<'a>) -> Result<Self, Rejected> {
        match object.repeated {
            None => Ok(Self { within, values: object.values }),
            Some(name) => Err(Rejected::Member { within, name: Name::new(&name), problem: "stands twice" }),
        }
    }
}

/// A value with the place that it stands at.
pub(crate) struct Value<'a> {
    within: &'static str,
    name: Name,
    raw: &'a RawValue,
}

impl<'a> Value<'a> {
    /// A value found at this place.
    pub(crate) fn new(within: &'static str, name: Name, raw: &'a RawValue) -> Self {
        Self { within, name, raw }
    }

    /// The rejection of this value.
    pub(crate) fn rejected(&self, problem: &'static str) -> Rejected {
        Rejected::Member { within: self.within, name: self.name.clone(), problem }
    }

    /// The rejection of a session parameter's number.
    pub(crate) fn out_of_range(&self, least: u64, most: u64) -> Rejected {
        Rejected::Range { name: self.name.clone(), least, most }
    }

    /// The value as it was written.
    pub(crate) fn raw(&self) -> &'a RawValue {
        self.raw
    }

    pub(crate) fn is_null(&self) -> bool {
        self.raw.get() == "null"
    }

    pub(crate) fn is_text(&self) -> bool {
        self.raw.get().starts_with('"')
    }

    /// A JSON string.
    pub(crate) fn text(&self) -> Result<String, Rejected> {
        serde_json::from_str(self.raw.get()).map_err(|_| self.rejected("must be a string"))
    }

    /// An unsigned JSON integer.
    pub(crate) fn integer(&self) -> Result<u64, Rejected> {
        serde_json::from_str(self.raw.get())
            .map_err(|_| self.rejected("must be a whole number, not negative"))
    }

    /// A number without a fraction, also as `10.0`: JSON Schema calls that an integer.
    pub(crate) fn whole(&self) -> Result<u64, Rejected> {
        let text = self.raw.get();
        let spelled = match text.split_once('.') {
            Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
            Some(_) | None => text,
        };
        serde_json::from_str(spelled).map_err(|_| self.rejected("must be a whole number, not negative"))
    }

    /// A JSON string, or a number or boolean in the spelling that it has.
    pub(crate) fn scalar(&self) -> Result<String, Rejected> {
        if self.is_text() {
            return self.text();
        }
        let text = self.raw.get();
        if text.starts_with(['{', '[', 'n']) {
            return Err(self.rejected("must be a string, a number or a boolean"));
        }
        Ok(text.to_owned())
    }

    /// A JSON object.
    pub(crate) fn object(&self, within: &'static str) -> Result<Members<'a>, Rejected> {
        let object: Object<'a> =
            serde_json::from_str(self.raw.get()).map_err(|_| self.rejected("must be an object"))?;
        Members::checked(within, object)
    }
}

/// An object as it was written; of names that stand twice, one is kept to be refused.
struct Object<'a> {
    values: BTreeMap<String, &'a RawValue>,
    repeated: Option<String>,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;

        impl<'de> Visitor<'de> for Reading {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut object = Object { values: BTreeMap::new(), repeated: None };
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    match object.values.entry(name) {
                        Entry::Occupied(known) => object.repeated = Some(known.key().clone()),
                        Entry::Vacant(place) => {
                            place.insert(value);
                        }
                    }
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Reading)
    }
}
