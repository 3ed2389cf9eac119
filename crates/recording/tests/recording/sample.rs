//! The committed records, and ways to change them.
//!
//! `tests/data/v1` is a home's `records`, `pages` and `sealed` as the gateway wrote them over the embedded warehouse,
//! with pages of at most 1,500 bytes and 900 bytes inside a closing. Of its four sessions two ([`EARLY`] is one) were
//! written before pages had moments and openings named the digest of the sealed text. Nobody's keys are there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{ExchangeId, Timestamp};
use recording::{
    ApprovalStep, Archive, ArchiveError, Closing, ObjectKind, Opening, Page, PageHeader, RecordKey, Report,
    decode, decode_page, digest_of, encode, encode_page, verify,
};
use serde::Serialize;

pub const DAY: &str = "2026-11-25";
/// Five exchanges: rows inside the closing, masked rows in three pages, rows in three pages, refused, failed.
pub const SESSION: &str = "873a19826d21143688e19652621dc138";
/// Three exchanges: a batch of two, one that was held and cancelled, one with a binding.
pub const OTHER: &str = "6766744cab73a321edfbf9d7e14508c9";
/// As [`SESSION`], by the first code that wrote version 1.
pub const EARLY: &str = "c96fa1c397998a016632aabd299c3cab";

#[derive(Clone)]
pub struct Sample {
    pub objects: BTreeMap<String, Vec<u8>>,
}

impl Archive for Sample {
    fn keys(&self) -> Result<Vec<String>, ArchiveError> {
        Ok(self.objects.keys().cloned().collect())
    }

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        Ok(self.objects.get(key).cloned())
    }
}

/// The place of an exchange of the sample.
pub fn at(session: &str, number: u32) -> RecordKey {
    RecordKey::new(DAY, format!("{session}/{number}").parse::<ExchangeId>().unwrap())
}

pub const fn page(part: u32, page: u32) -> ObjectKind {
    ObjectKind::Page { part, page }
}

pub fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    member.write_all(text.as_bytes()).unwrap();
    member.finish().unwrap()
}

impl Sample {
    pub fn v1() -> Self {
        Self::read("v1")
    }

    /// One session over the embedded warehouse: a DELETE that was approved and run, and an UPDATE that was denied.
    pub fn approvals() -> Self {
        Self::read("v1.approvals")
    }

    fn read(name: &str) -> Self {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let mut objects = BTreeMap::new();
        for root in ["records", "pages", "sealed"].map(|root| data.join(root)) {
            if root.is_dir() {
                add(&root, &root, &mut objects);
            }
        }
        Self { objects }
    }

    /// The steps of an exchange's approval, in order.
    pub fn steps(&self, key: &RecordKey) -> Vec<ApprovalStep> {
        let objects = (0..).map_while(|step| self.objects.get(&key.object(ObjectKind::Approval { step })));
        objects.map(|object| decode(object).unwrap().record).collect()
    }

    /// Long after everything.
    pub fn verify(&self) -> Report {
        self.verify_at(Timestamp::from_micros(i64::MAX))
    }

    pub fn verify_at(&self, now: Timestamp) -> Report {
        verify(self, now, &mut |_, _| {}).unwrap()
    }

    /// The exchanges, by session and number.
    pub fn exchanges(&self) -> Vec<RecordKey> {
        let parsed = self.objects.keys().map(|key| RecordKey::parse(key).unwrap());
        parsed.filter(|(_, kind)| *kind == ObjectKind::Opening).map(|(key, _)| key).collect()
    }

    pub fn opening(&self, key: &RecordKey) -> Opening {
        decode(&self.objects[&key.object(ObjectKind::Opening)]).unwrap().record
    }

    pub fn closing(&self, key: &RecordKey) -> Closing {
        decode(&self.objects[&key.object(ObjectKind::Closing)]).unwrap().record
    }

    /// The page object that a closing names.
    pub fn page(&self, key: &RecordKey, part: u32, number: u32) -> Vec<u8> {
        match &self.closing(key).parts[part as usize].pages[number as usize].inline {
            Some(inline) => STANDARD.decode(inline).unwrap(),
            None => self.objects[&key.object(page(part, number))].clone(),
        }
    }

    /// Edits an object's bytes as they lie.
    pub fn scribble(&mut self, key: &RecordKey, kind: ObjectKind, edit: impl FnOnce(&mut Vec<u8>)) {
        edit(self.objects.get_mut(&key.object(kind)).unwrap());
    }

    pub fn remove(&mut self, key: &RecordKey, kind: ObjectKind) -> Vec<u8> {
        self.objects.remove(&key.object(kind)).unwrap()
    }

    pub fn put(&mut self, key: &RecordKey, kind: ObjectKind, object: Vec<u8>) {
        self.objects.insert(key.object(kind), object);
    }

    /// Removes everything of an exchange.
    pub fn forget(&mut self, key: &RecordKey) {
        let prefix = format!("{key}.");
        self.objects.retain(|object, _| !object.starts_with(&prefix));
    }

    fn put_record<T: Serialize>(&mut self, key: &RecordKey, kind: ObjectKind, record: &T) -> String {
        let (object, digest) = encode(record).unwrap();
        self.put(key, kind, object);
        digest.to_string()
    }

    /// Edits a closing as somebody who can compute a digest would.
    pub fn forge_closing(&mut self, key: &RecordKey, edit: impl FnOnce(&mut Closing)) {
        let mut closing = self.closing(key);
        edit(&mut closing);
        self.put_record(key, ObjectKind::Closing, &closing);
    }

    /// Edits an opening likewise, and what its closing says of it.
    pub fn forge_opening(&mut self, key: &RecordKey, edit: impl FnOnce(&mut Opening)) {
        let mut opening = self.opening(key);
        edit(&mut opening);
        let digest = self.put_record(key, ObjectKind::Opening, &opening);
        self.forge_closing(key, |closing| closing.opening = digest);
    }

    /// Edits a page that lies apart likewise, and what its closing says of it: digest and bytes, not rows.
    pub fn forge_page(
        &mut self,
        key: &RecordKey,
        number: u32,
        edit: impl FnOnce(&mut PageHeader, &mut Vec<u8>),
    ) {
        let object = self.page(key, 0, number);
        let Page { mut header, body } = decode_page(&object).unwrap();
        let mut body = body.to_vec();
        edit(&mut header, &mut body);
        let object = encode_page(&header, &body).unwrap();
        self.forge_closing(key, |closing| {
            let record = &mut closing.parts[0].pages[number as usize];
            record.digest = digest_of(&object).to_string();
            (record.size, record.stored) = (header.size, body.len() as u64);
        });
        self.put(key, page(0, number), object);
    }
}

fn add(root: &Path, folder: &Path, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add(root, &path, objects);
        } else {
            let key = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            objects.insert(key, fs::read(&path).unwrap());
        }
    }
}
