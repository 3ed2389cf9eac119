//! Constructs that the parser does not know, written as ones that it does. Each is tried only where the text could
//! not be read as it stands, so that nothing that reads is read otherwise; what does not fit to the letter is left
//! as it is, and the statement stays opaque.

use sqlparser::tokenizer::{Token as Parsed, Whitespace};

use super::feed::{Bracket, Feed};
use super::{DERIVED, RESAMPLED, SEMANTIC_VIEW};
use crate::lexer::{Lexeme, decode_string};

/// What may follow a table, but to the parser nothing else in FROM.
const TABLE_CLAUSES: [&str; 4] = ["MATCH_RECOGNIZE", "PIVOT", "UNPIVOT", "RESAMPLE"];
/// Words behind which a name begins an expression.
const BEFORE_EXPRESSIONS: [&str; 24] = [
    "SELECT", "DISTINCT", "ALL", "TOP", "FROM", "JOIN", "WHERE", "ON", "AND", "OR", "NOT", "IN", "LIKE",
    "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "BY", "HAVING", "QUALIFY", "LIMIT", "AS", "SET",
];

impl Feed<'_> {
    /// Feeds the construct that begins at `at` in other words, and answers where the text goes on.
    pub(super) fn rewritten(&mut self, at: usize) -> Option<usize> {
        let token = *self.tokens.get(at)?;
        if token.kind == Lexeme::Symbol {
            return match token.text(self.text) {
                "{" => self.object_of_columns(at),
                "!" => self.model_method(at),
                "(" => self.derived_table(at),
                _ => None,
            };
        }
        match token.text(self.text).to_ascii_uppercase().as_str() {
            "MODEL" => self.model_version(at),
            "SEMANTIC_VIEW" => self.semantic_view(at),
            "TABLE" | "LATERAL" => self.table_function(at),
            "ARRAY" | "OBJECT" | "MAP" => self.structured_type(at),
            "AS" => self.text_alias(at),
            "ALL" => self.all_by_name(at),
            "RENAME" => self.rename_before_exclude(at),
            "WINDOW" => self.named_windows(at),
            "WITH" => self.with_model(at),
            "SAMPLE" | "TABLESAMPLE" => self.constant_sample(at),
            "FROM" => self.nth_from_end(at),
            "TIMESTAMP" => self.local_timestamp(at),
            "DATE_PART" => self.part_from_date(at),
            "FILTER" => self.filter(at),
            "RESAMPLE" => self.resample(at),
            _ => None,
        }
    }

    /// `{*}`, `{* EXCLUDE …}`, `{t.*}`: an object of columns. Of `{t.* EXCLUDE …}` every column counts.
    fn object_of_columns(&mut self, at: usize) -> Option<usize> {
        let end = self.closing(at)?;
        if self.is_symbol(at + 1, "*") {
            self.push_word("OBJECT_CONSTRUCT");
            self.push(Parsed::LParen);
            self.brackets.push((Bracket::Object, at));
            return Some(at + 1);
        }
        let mut star = at + 1;
        while self.is_name(star) && self.is_symbol(star + 1, ".") {
            star += 2;
        }
        let is_option = star + 1 == end || self.is_any_word(star + 1, &["EXCLUDE", "ILIKE"]);
        if star == at + 1 || !self.is_symbol(star, "*") || !is_option {
            return None;
        }
        self.push_word("OBJECT_CONSTRUCT");
        self.push(Parsed::LParen);
        self.push_all(at + 1, star + 1)?;
        self.push(Parsed::RParen);
        Some(end + 1)
    }

    /// `model!METHOD(…)` is a function that nobody knows, called `MODEL!METHOD`.
    fn model_method(&mut self, at: usize) -> Option<usize> {
        let before = at.checked_sub(1)?;
        let (model, method) = (self.name(before)?, self.name(at + 1)?);
        let touches = |left: usize| {
            let (left, right) = (self.tokens.get(left), self.tokens.get(left + 1));
            left.zip(right).is_some_and(|(left, right)| left.end == right.start)
        };
        if !self.is_symbol(at + 2, "(") || !touches(before) || !touches(at) {
            return None;
        }
        self.take_back();
        self.push_quoted(&format!("{model}!{method}"));
        Some(at + 2)
    }

    /// Likewise `MODEL(name, version)!METHOD(…)`.
    fn model_version(&mut self, at: usize) -> Option<usize> {
        let end = self.closing(at + 1).filter(|_| self.is_symbol(at + 1, "("))?;
        let is_plain = (at + 2..end)
            .all(|part| self.is_name(part) || self.is_symbol(part, ".") || self.is_symbol(part, ","));
        if !is_plain || !self.is_symbol(end + 1, "!") || !self.is_symbol(end + 3, "(") {
            return None;
        }
        let name = format!("{}!{}", self.name(at + 2)?, self.name(end + 2)?);
        self.push_quoted(&name);
        Some(end + 3)
    }

    /// `SEMANTIC_VIEW(name …)`: nobody knows what it shows, and it tests whatever it likes.
    fn semantic_view(&mut self, at: usize) -> Option<usize> {
        let end = self.closing(at + 1).filter(|_| self.is_symbol(at + 1, "("))?;
        let is_query = (at + 2..end).any(|part| {
            self.is_any_word(part, &["SELECT", "FROM", "TABLE", "IDENTIFIER"])
                || self.tokens.get(part).is_some_and(|token| token.kind == Lexeme::Variable)
        });
        let mut after = at + 2;
        while self.is_name(after) && self.is_symbol(after + 1, ".") {
            after += 2;
        }
        // SECURITY: anywhere else, and before a plain list, it is a name as any other.
        let before = at.checked_sub(1)?;
        let stands_in_from = self.is_any_word(before, &["FROM", "JOIN"]) || self.is_symbol(before, ",");
        let is_asked = self.is_any_word(after + 1, &["METRICS", "DIMENSIONS", "FACTS", "WHERE"])
            && !self.is_symbol(after + 2, ",")
            && after + 2 < end;
        if is_query || !self.is_name(after) || !stands_in_from || !is_asked {
            return None;
        }
        self.push_quoted(SEMANTIC_VIEW);
        self.push(Parsed::LParen);
        self.push_all(at + 2, after + 1)?;
        self.push(Parsed::RParen);
        Some(end + 1)
    }

    /// `(SELECT …) [alias] MATCH_RECOGNIZE …` and the like.
    fn derived_table(&mut self, at: usize) -> Option<usize> {
        let before = at.checked_sub(1)?;
        if !self.is_any_word(before, &["FROM", "JOIN"]) && !self.is_symbol(before, ",") {
            return None;
        }
        let first = (at + 1..).find(|next| !self.is_symbol(*next, "("))?;
        let is_query = self.is_any_word(first, &["SELECT", "WITH", "VALUES"]);
        if !is_query || !self.has_table_clause(self.closing(at)? + 1) {
            return None;
        }
        self.push_quoted(DERIVED);
        self.push(Parsed::LParen);
        self.push(Parsed::LParen);
        self.brackets.push((Bracket::Derived, at));
        Some(at + 1)
    }

    /// `TABLE(f(…)) [alias] PIVOT …`, `LATERAL f(…) …`: a function in FROM is one without these words, too.
    fn table_function(&mut self, at: usize) -> Option<usize> {
        let is_table = self.is_word(at, "TABLE");
        let start = if is_table { at + 2 } else { at + 1 };
        let mut open = start;
        while self.is_name(open) && self.is_symbol(open + 1, ".") {
            open += 2;
        }
        open += 1;
        if !self.is_name(open - 1) || !self.is_symbol(open, "(") {
            return None;
        }
        let end = self.closing(open)?;
        let end = if is_table { self.closing(at + 1).filter(|outer| *outer == end + 1)? } else { end };
        if !self.has_table_clause(end + 1) {
            return None;
        }
        if is_table {
            self.brackets.push((Bracket::Dropped, at + 1));
        }
        Some(start)
    }

    /// Whether an alias at most stands between here and such a clause.
    fn has_table_clause(&self, at: usize) -> bool {
        let clause = |at: usize| self.is_any_word(at, &TABLE_CLAUSES);
        let mut at = at;
        if clause(at) {
            return true;
        }
        at += usize::from(self.is_word(at, "AS"));
        if !self.is_name(at) {
            return false;
        }
        at += 1;
        if self.is_symbol(at, "(") {
            let Some(end) = self.closing(at) else { return false };
            at = end + 1;
        }
        clause(at)
    }

    /// `CAST(x AS OBJECT(a VARCHAR))`, `x::ARRAY(INT)`: what is inside changes not what is shown. But each part is
    /// converted, which may fail, so that it is no plain OBJECT or ARRAY: it is fed as a type that nobody knows.
    fn structured_type(&mut self, at: usize) -> Option<usize> {
        let before = at.checked_sub(1)?;
        let is_cast = self.is_word(before, "AS")
            && self.brackets.last().is_some_and(|(_, open)| {
                open.checked_sub(1).is_some_and(|call| self.is_any_word(call, &["CAST", "TRY_CAST"]))
            });
        if !(is_cast || self.is_symbol(before, "::")) || !self.is_symbol(at + 1, "(") {
            return None;
        }
        let mut after = self.closing(at + 1)? + 1;
        while self.is_any_word(after, &["ADD", "RENAME"]) && self.is_word(after + 1, "FIELDS") {
            after += 2;
        }
        self.push_word("STRUCTURED");
        Some(after)
    }

    /// `UNPIVOT(v FOR k IN (a AS 'x'))`: the alias is what the name column will say.
    fn text_alias(&mut self, at: usize) -> Option<usize> {
        let opened = |nth: usize, word: &str| {
            let place = self.brackets.len().checked_sub(nth)?;
            let (_, open) = self.brackets.get(place)?;
            Some(self.is_word(open.checked_sub(1)?, word))
        };
        let alias = self.tokens.get(at + 1).filter(|token| token.kind == Lexeme::Text)?;
        if opened(1, "IN") != Some(true) || opened(2, "UNPIVOT") != Some(true) {
            return None;
        }
        let alias = decode_string(alias.text(self.text));
        self.push_word("AS");
        self.push_quoted(&alias);
        Some(at + 2)
    }

    /// `THEN UPDATE ALL BY NAME`, `THEN INSERT ALL BY NAME` copy every column, as `*` does.
    fn all_by_name(&mut self, at: usize) -> Option<usize> {
        let verb = at.checked_sub(1)?;
        let is_whole = self.is_word(at + 1, "BY") && self.is_word(at + 2, "NAME");
        if !is_whole || !verb.checked_sub(1).is_some_and(|then| self.is_word(then, "THEN")) {
            return None;
        }
        if self.is_word(verb, "UPDATE") {
            self.push_word("SET");
        } else if !self.is_word(verb, "INSERT") {
            return None;
        }
        self.push(Parsed::Mul);
        self.push(Parsed::Whitespace(Whitespace::Space));
        Some(at + 3)
    }

    /// `* RENAME (a AS b) EXCLUDE (c)`: where they name different columns, their order means nothing.
    fn rename_before_exclude(&mut self, at: usize) -> Option<usize> {
        if !at.checked_sub(1).is_some_and(|star| self.is_symbol(star, "*")) {
            return None;
        }
        let exclude = if self.is_symbol(at + 1, "(") {
            self.closing(at + 1)? + 1
        } else if self.is_name(at + 1) && self.is_word(at + 2, "AS") {
            at + 4
        } else {
            return None;
        };
        if !self.is_word(exclude, "EXCLUDE") {
            return None;
        }
        let end = if self.is_symbol(exclude + 1, "(") { self.closing(exclude + 1)? + 1 } else { exclude + 2 };
        let names = |from: usize, until: usize| (from..until).filter_map(|part| self.name(part));
        let renamed: Vec<String> = names(at + 1, exclude).collect();
        if names(exclude + 1, end).any(|excluded| renamed.contains(&excluded)) {
            return None;
        }
        self.push_all(exclude, end)?;
        self.push_all(at, exclude)?;
        Some(end)
    }

    /// `FROM t WINDOW w AS (…)`: after a bare table the parser takes the word for an alias.
    fn named_windows(&mut self, at: usize) -> Option<usize> {
        let is_clause = self.is_name(at + 1) && self.is_word(at + 2, "AS") && self.is_symbol(at + 3, "(");
        let before = at.checked_sub(1)?;
        let is_after_table = (self.is_name(before) && !self.is_any_word(before, &["FROM", "JOIN", "AS"]))
            || self.is_symbol(before, ")");
        if !is_clause || !is_after_table {
            return None;
        }
        self.push_word("WHERE");
        self.push_word("TRUE");
        self.push_word("WINDOW");
        Some(at + 1)
    }

    /// `SAMPLE (10)` and the like behind what the parser takes no sample of: how many rows are taken depends on
    /// nothing stored, so that it may be left out.
    fn constant_sample(&mut self, at: usize) -> Option<usize> {
        let before = at.checked_sub(1)?;
        let is_behind_relation = self.is_symbol(before, ")")
            || (self.is_name(before) && !self.is_any_word(before, &BEFORE_EXPRESSIONS));
        let is_number = |at: usize| self.tokens.get(at).is_some_and(|token| token.kind == Lexeme::Number);
        let mut next = at + 1;
        next += usize::from(self.is_any_word(next, &["BERNOULLI", "ROW", "SYSTEM", "BLOCK"]));
        if !is_behind_relation || !self.is_symbol(next, "(") || !is_number(next + 1) {
            return None;
        }
        next += 2;
        next += usize::from(self.is_word(next, "ROWS"));
        if !self.is_symbol(next, ")") {
            return None;
        }
        next += 1;
        if self.is_any_word(next, &["SEED", "REPEATABLE"]) {
            let is_whole =
                self.is_symbol(next + 1, "(") && is_number(next + 2) && self.is_symbol(next + 3, ")");
            next = is_whole.then_some(next + 4)?;
        }
        Some(next)
    }

    /// `NTH_VALUE(…) FROM FIRST … OVER`: from which end is counted.
    fn nth_from_end(&mut self, at: usize) -> Option<usize> {
        let is_counted = self.is_any_word(at + 1, &["FIRST", "LAST"])
            && self.is_any_word(at + 2, &["IGNORE", "RESPECT", "OVER"])
            && at.checked_sub(1).is_some_and(|before| self.closes_call(before, "NTH_VALUE"));
        is_counted.then_some(at + 2)
    }

    /// Whether the bracket there is the last one of a call of that function.
    fn closes_call(&self, at: usize, function: &str) -> bool {
        let mut depth = 0_i32;
        let open = (0..=at).rev().find(|place| {
            depth += i32::from(self.is_symbol(*place, ")")) - i32::from(self.is_symbol(*place, "("));
            depth <= 0
        });
        depth == 0
            && self.is_symbol(at, ")")
            && open.and_then(|open| open.checked_sub(1)).is_some_and(|name| self.is_word(name, function))
    }

    /// `TIMESTAMP WITH LOCAL TIME ZONE`.
    fn local_timestamp(&mut self, at: usize) -> Option<usize> {
        let is_local =
            ["WITH", "LOCAL", "TIME", "ZONE"].iter().zip(at + 1..).all(|(word, at)| self.is_word(at, word));
        if is_local {
            self.push_word("TIMESTAMP_LTZ");
        }
        is_local.then_some(at + 5)
    }

    /// `DATE_PART(year FROM d)` is EXTRACT.
    fn part_from_date(&mut self, at: usize) -> Option<usize> {
        let is_extract = self.is_symbol(at + 1, "(") && self.is_name(at + 2) && self.is_word(at + 3, "FROM");
        if is_extract {
            self.push_word("EXTRACT");
        }
        is_extract.then_some(at + 1)
    }

    /// `sum(x) FILTER (WHERE c)`: which rows are taken is decided and shown by the condition, as by an order of them.
    fn filter(&mut self, at: usize) -> Option<usize> {
        let is_filter = self.is_symbol(at + 1, "(")
            && self.is_word(at + 2, "WHERE")
            && at.checked_sub(1).is_some_and(|before| self.is_symbol(before, ")"));
        if !is_filter {
            return None;
        }
        self.push_leading(0, "WITHIN GROUP");
        self.push(Parsed::LParen);
        self.push_leading(0, "ORDER BY");
        self.push(Parsed::LParen);
        self.brackets.push((Bracket::Filter, at + 1));
        Some(at + 3)
    }

    /// `t RESAMPLE (USING u INCREMENT BY … PARTITION BY p METADATA_COLUMNS …)`: all rows, and more between them, as
    /// many as the distances of `u` tell. A pattern over all rows has the same columns; its symbol tells the two
    /// apart.
    fn resample(&mut self, at: usize) -> Option<usize> {
        let end =
            self.closing(at + 1).filter(|_| self.is_symbol(at + 1, "(") && self.is_word(at + 2, "USING"))?;
        let mut next = self.end_of_name(at + 3)?;
        // There is one relation: whatever qualifies a column is its name.
        let using = self.name(next - 1)?;
        if !(self.is_word(next, "INCREMENT") && self.is_word(next + 1, "BY")) {
            return None;
        }
        next = self.end_of_step(next + 2)?;
        let mut partition = Vec::new();
        if self.is_word(next, "PARTITION") && self.is_word(next + 1, "BY") {
            next += 1;
            while partition.is_empty() || self.is_symbol(next, ",") {
                next = self.end_of_name(next + 1)?;
                partition.push(self.name(next - 1)?);
            }
        }
        let mut measures = Vec::new();
        if self.is_word(next, "METADATA_COLUMNS") {
            loop {
                let function = self.name(next + 1)?;
                let is_known = matches!(function.as_str(), "IS_GENERATED" | "BUCKET_START");
                if !(is_known && self.is_symbol(next + 2, "(") && self.is_symbol(next + 3, ")")) {
                    return None;
                }
                next += 4;
                next += usize::from(self.is_word(next, "AS"));
                measures.push(self.name(next).unwrap_or(function));
                next += usize::from(self.is_name(next));
                if !self.is_symbol(next, ",") {
                    break;
                }
            }
        }
        if next != end {
            return None;
        }
        self.push_word("MATCH_RECOGNIZE");
        self.push(Parsed::LParen);
        for (place, name) in partition.iter().enumerate() {
            self.push_leading(place, "PARTITION BY");
            self.push_quoted(name);
        }
        self.push_leading(0, "ORDER BY");
        self.push_quoted(&using);
        for (place, name) in measures.iter().enumerate() {
            self.push_leading(place, "MEASURES");
            self.push_quoted(&using);
            self.push_word("AS");
            self.push_quoted(name);
        }
        self.push_leading(0, "ALL ROWS PER MATCH PATTERN");
        self.push(Parsed::LParen);
        self.push_quoted(RESAMPLED);
        self.push(Parsed::RParen);
        self.push_word("DEFINE");
        self.push_quoted(RESAMPLED);
        self.push_word("AS");
        self.push_word("TRUE");
        self.push(Parsed::RParen);
        // An alias stands before; the columns have it behind.
        if let Some(alias) = at.checked_sub(1).and_then(|before| self.name(before)) {
            self.push_word("AS");
            self.push_quoted(&alias);
        }
        Some(end + 1)
    }

    /// What stands before the part of a list at that place: the words before its first, a comma before any other.
    fn push_leading(&mut self, place: usize, words: &str) {
        if place == 0 {
            words.split(' ').for_each(|word| self.push_word(word));
        } else {
            self.push(Parsed::Comma);
        }
    }

    /// Where `a.b.c` ends.
    fn end_of_name(&self, at: usize) -> Option<usize> {
        let mut at = at;
        while self.is_name(at) && self.is_symbol(at + 1, ".") {
            at += 2;
        }
        self.is_name(at).then_some(at + 1)
    }

    /// Where `INTERVAL '5 minutes'`, `INTERVAL '5' minute` or a number ends.
    fn end_of_step(&self, at: usize) -> Option<usize> {
        let is = |at: usize, kind: Lexeme| self.tokens.get(at).is_some_and(|token| token.kind == kind);
        if is(at, Lexeme::Number) {
            return Some(at + 1);
        }
        if !(self.is_word(at, "INTERVAL") && is(at + 1, Lexeme::Text)) {
            return None;
        }
        let has_unit =
            is(at + 2, Lexeme::Word) && !self.is_any_word(at + 2, &["PARTITION", "METADATA_COLUMNS"]);
        Some(at + 2 + usize::from(has_unit))
    }

    /// `WITH m AS MODEL name [VERSION v] [, …]` names a model, and nothing that could be read.
    fn with_model(&mut self, at: usize) -> Option<usize> {
        let mut at = at;
        let mut is_first = true;
        loop {
            let is_model =
                self.is_name(at + 1) && self.is_word(at + 2, "AS") && self.is_word(at + 3, "MODEL");
            if !is_model {
                break;
            }
            is_first = false;
            at += 4;
            while self.is_name(at) && self.is_symbol(at + 1, ".") {
                at += 2;
            }
            at += 1;
            if self.is_word(at, "VERSION") {
                at += 2;
            }
            if !self.is_symbol(at, ",") {
                return Some(at);
            }
        }
        if is_first {
            return None;
        }
        self.push_word("WITH");
        Some(at + 1)
    }
}
