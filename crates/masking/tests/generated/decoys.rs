//! Values that look like something sensitive and are not.

use base64::Engine as _;

use crate::Sort;
use crate::random::{Random, luhn_digit};

const fn of(name: &'static str, column: &'static str, make: fn(&mut Random) -> String) -> Sort {
    Sort { name, column, words: "", make }
}

pub const SORTS: &[Sort] = &[
    of("order number", "order_number", |r| r.number(10)),
    of("order number, long", "order_id", |r| r.number(12)),
    of("order, dashed", "order_ref", |r| r.shape("PO-99999-AA")),
    of("invoice", "invoice", |r| r.shape("INV-2026-999999")),
    of("UUID", "request_id", |r| r.shape("xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx")),
    of("MD5", "checksum", |r| r.hex(32)),
    of("SHA-1", "commit", |r| r.hex(40)),
    of("short commit", "revision", |r| r.hex(8)),
    of("SHA-256", "image", |r| format!("sha256:{}", r.hex(64))),
    of("version", "release", |r| {
        format!("v{}.{}.{}-rc.{}", r.between(0, 30), r.between(0, 40), r.between(0, 99), r.between(1, 9))
    }),
    of("version of four", "app_version", |r| {
        format!("{}.{}.{}.{}", r.between(1, 30), r.between(0, 40), r.between(0, 99), r.between(0, 250))
    }),
    of("version in prose", "note", |r| {
        format!(
            "upgraded to version {}.{}.{}.{} today",
            r.between(1, 30),
            r.between(0, 40),
            r.between(0, 99),
            r.between(0, 250)
        )
    }),
    of("ISBN", "isbn", |r| r.shape("978-9-99-999999-9")),
    of("EAN", "ean", |r| r.shape("4009999999999")),
    of("UPC", "upc", |r| r.number(12)),
    of("seconds", "created", |r| r.between(1_500_000_000, 1_900_000_000).to_string()),
    of("milliseconds", "ts", |r| r.between(1_500_000_000_000, 1_900_000_000_000).to_string()),
    of("moment", "updated_at", |r| r.shape("2026-01-17T19:29:39.999Z")),
    of("moment, plain", "ts", |r| r.shape("2026-01-17 12:29:39")),
    of("compact moment", "batch", |r| r.shape("20260117123939")),
    of("clock", "time", |r| r.shape("12:39:39")),
    of("parcel", "tracking_number", |r| r.shape("1Z999AA10123456789")),
    of("parcel, digits", "tracking_number", |r| r.number(12)),
    of("product code", "sku", |r| {
        let form = r.pick(&["AAA-9999-AA", "AA999999", "999-9999", "A9999999A", "AAA99999"]);
        r.shape(form)
    }),
    of("part in prose", "note", |r| r.shape("replaced part 999-9999 and SKU AAA-99999 in bin A9")),
    of("ASIN", "asin", |r| format!("B0{}", r.of("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", 8))),
    of("coordinates", "geo", |r| {
        format!("{}.{},{}.{}", r.between(0, 89), r.number(6), r.between(0, 179), r.number(6))
    }),
    of("latitude", "lat", |r| format!("{}.{}", r.between(0, 89), r.number(6))),
    of("passes Luhn", "batch_id", |r| {
        let n = format!("9{}", r.digits(14));
        format!("{n}{}", luhn_digit(&n))
    }),
    of("fails Luhn", "value", |r| {
        let n = format!("4{}", r.digits(14));
        format!("{n}{}", (luhn_digit(&n) + 1) % 10)
    }),
    of("fails Luhn, grouped", "value", |r| {
        let n = format!("5{}", r.digits(14));
        let n = format!("{n}{}", (luhn_digit(&n) + 3) % 10);
        format!("{} {} {} {}", &n[..4], &n[4..8], &n[8..12], &n[12..])
    }),
    of("money", "amount", |r| format!("{},{}.{} EUR", r.number(3), r.number(3), r.number(2))),
    of("price", "price", |r| format!("${}.{}", r.number(4), r.number(2))),
    of("scientific", "ratio", |r| format!("-{}.{}e-{:02}", r.number(1), r.digits(15), r.between(1, 20))),
    of("fraction", "score", |r| format!("0.{}", r.digits(17))),
    of("percent", "share", |r| format!("{}.{}%", r.number(2), r.number(2))),
    of("SSN that was never issued", "value", |r| r.shape("000-99-9999")),
    of("IBAN that fails", "ref", |r| r.shape("DE00AAAA9999999999")),
    of("URL", "url", |r| {
        format!("https://shop.example.com/c/{}?page={}&sort=asc#top", r.hex(6), r.number(2))
    }),
    of("path", "path", |r| format!("/var/log/app-{}/run_{}.log", r.number(3), r.number(8))),
    of("key of storage", "object", |r| {
        format!("s3://bucket/dt=2026-01-17/part-{}-{}.parquet", r.digits(5), r.hex(8))
    }),
    of("text in base64", "cursor", |r| {
        base64::engine::general_purpose::STANDARD.encode(format!("page after row number {}", r.number(3)))
    }),
    of("pod", "pod", |r| format!("api-{}-{}", r.hex(10), r.of("bcdfghjklmnpqrstvwxz2456789", 5))),
    of("handle", "author", |r| format!("@dev_{}", r.of("abcdefgh", 5))),
    of("package", "dependency", |r| {
        format!("left-pad@{}.{}.{}", r.between(0, 9), r.between(0, 20), r.between(0, 20))
    }),
    of("color", "color", |r| format!("#{}", r.hex(6))),
    of("ticket", "ticket", |r| r.shape("OPS-99999")),
    of("flight", "flight", |r| r.shape("LH8999")),
    of("postal code", "zip", |r| r.shape("89999-9999")),
    of("stars", "card_number", |r| r.shape("****-****-****-9999")),
    of("placeholder", "password", |r| {
        r.pick(&["********", "<redacted>", "${DB_PASSWORD}", "changeme", "null"]).to_owned()
    }),
    of("about a secret", "note", |r| {
        r.pick(&[
            "the password is wrong",
            "reset your password today",
            "token expired, please log in",
            "born leaders sleep at noon",
        ])
        .to_owned()
    }),
    of("object id", "_id", |r| r.hex(24)),
    of("ULID", "event_id", |r| format!("01{}", r.of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24))),
    of("trace", "traceparent", |r| r.shape("00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-01")),
    of("Stripe object", "charge", |r| format!("ch_{}", r.alphanumeric(24))),
    of("count", "ssn_count", |r| r.number(5)),
    of("count of phones", "phone_count", |r| r.number(9)),
    of("organisation", "company", |r| {
        format!("{} & {} Ltd", r.pick(&["Potts", "Braun", "Reyes"]), r.pick(&["Sons", "Moore", "Price"]))
    }),
    of("sentence", "note", |r| {
        format!(
            "{} deposits sleep at the {} dot of noon",
            r.pick(&["final", "express", "ironic"]),
            r.pick(&["red", "quick"])
        )
    }),
    of("matrix", "cells", |r| format!("{} {} {} {}", r.number(2), r.number(3), r.number(2), r.number(3))),
    of("dimensions", "size", |r| format!("{}x{}x{} mm", r.number(3), r.number(3), r.number(2))),
    of("ports", "endpoint", |r| format!("localhost:{}", r.number(4))),
    of("certificate", "cert", |r| {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", r.alphanumeric(64))
    }),
    of("JSON", "payload", |r| {
        format!(
            "{{\"id\": {}, \"sku\": \"{}\", \"qty\": 4, \"ts\": \"2026-01-17T10:00:00Z\"}}",
            r.number(9),
            r.shape("AAA99999")
        )
    }),
];
