//! From an answer to stored pages: bind, fetch, mask, page, count, compare, close.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{
    ColumnRef, Limits, ObjectName, Obligations, OutputColumn, Refusal, RefusalCode, SqlType, Timestamp,
    Treatment,
};
use masking::{AnsweredColumn, Body, Detectors, MaskPlan, Masked, TokenKeys};
use recording::{
    ClosingOutcome, ColumnRecord, Finding, ObjectKind, PageHeader, PageRecord, PartRecord, digest_of,
    encode_page,
};

use crate::ask::micros;
use crate::closing::Closed;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::line::Line;
use crate::live::{Fetched, Live, PartPlan, PartProgress, Stage, Touched};
use crate::plan::{as_planned, contradiction, masked_whole, object_named};
use crate::ports::{Finished, ResultHead, RowSource, UpstreamHandle, Written};

/// One process's turn at an exchange.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// Who holds the lease.
    pub holder: u128,
    /// When to stop at the next page boundary.
    pub until: Timestamp,
    /// Whether nobody has worked on it before.
    pub is_first: bool,
}

/// What came of waiting for rows.
enum Slice {
    Rows(Bytes),
    End,
    /// The exchange was closed while waiting.
    Closed(Box<Closed>),
}

/// What came of fetching one statement's rows.
enum Part {
    /// All of them are stored.
    Complete,
    /// Time is up, at a page boundary.
    Paused,
    /// The exchange was closed on the way.
    Closed(Box<Closed>),
}

impl Gateway {
    /// Fetches, masks and stores what upstream answered, then closes; none when time is up.
    pub(crate) async fn fetch(
        &self,
        live: &mut Live,
        finished: Finished,
        turn: Turn,
    ) -> Result<Option<Closed>, Fault> {
        match self.fetch_all(live, finished, turn).await {
            Ok(done) => Ok(done),
            // The closing itself was found taken: nothing is left to close.
            Err(fault) if live.is_closed() => Err(fault),
            Err(fault) => self.put_off(live, turn, fault).await,
        }
    }

    async fn fetch_all(
        &self,
        live: &mut Live,
        finished: Finished,
        turn: Turn,
    ) -> Result<Option<Closed>, Fault> {
        let holder = turn.holder;
        let Finished { handle, parts: heads, mut first } = finished;
        let session = live.exchange().ok_or_else(damaged)?.session;
        let keys = TokenKeys::new(self.ports.keys.session(session).await?.tokens);
        if !matches!(live.stage, Stage::Fetching { .. }) {
            let parts = self.begin_parts(live, &heads, &keys)?;
            live.stage = Stage::Fetching { upstream: handle.text.clone(), parts };
        }
        // INVARIANT: bound from what is stored, in the first turn as in every later one.
        let plans: Vec<Arc<MaskPlan>> = live
            .parts
            .iter()
            .zip(progress_of(live)?)
            .map(|(plan, progress)| Arc::new(bind_again(plan, progress, &keys, &self.detectors)))
            .collect();
        if let Some(closed) = self.refuse_too_large(live, holder).await? {
            return Ok(Some(closed));
        }
        for (part, plan) in plans.iter().enumerate() {
            match self.fetch_part(live, &handle, part, first.take(), plan, turn).await? {
                Part::Complete => {}
                Part::Paused => return Ok(None),
                Part::Closed(closed) => return Ok(Some(*closed)),
            }
            // The last page of a part counts, too.
            if let Some(closed) = self.refuse_too_large(live, holder).await? {
                return Ok(Some(closed));
            }
        }
        if let Some(closed) = self.refuse_if_altered(live, holder).await? {
            return Ok(Some(closed));
        }
        let parts = part_records(live, &plans)?;
        let closed = self.close(live, ClosingOutcome::Rows {}, parts).await;
        self.settle(live, holder, closed).await.map(Some)
    }

    /// Compares the answer with the plan; what contradicts it is masked whole, and found.
    fn begin_parts(
        &self,
        live: &mut Live,
        heads: &[ResultHead],
        keys: &TokenKeys,
    ) -> Result<Vec<PartProgress>, Fault> {
        if heads.len() != live.parts.len() {
            return Err(Fault::lasting(
                Origin::Upstream,
                "upstream answered another number of results than there are statements",
            ));
        }
        let mut parts = Vec::with_capacity(heads.len());
        let mut findings = Vec::new();
        for (plan, head) in live.parts.iter().zip(heads) {
            let declared = head.partitions.iter().try_fold(0_u64, |sum, rows| sum.checked_add(*rows));
            if declared != Some(head.rows) || head.partitions.is_empty() {
                return Err(Fault::lasting(Origin::Upstream, "upstream's row counts contradict each other"));
            }
            let found = contradiction(plan, &head.columns, &live.reads).or_else(|| {
                let answered = as_planned(&head.columns, &self.detectors);
                MaskPlan::contradicts(&obligations(plan), plan.names.as_deref(), &answered)
            });
            if let Some(detail) = found {
                findings
                    .push(Finding { what: "result_contradicts_plan".to_owned(), detail: detail.to_owned() });
            }
            let contradicted = found.is_some();
            let bound = bind(plan, &head.columns, keys, &self.detectors, contradicted);
            // SECURITY: names and origins are kept as they may be shown; types are upstream's, but for the name of one
            // that nobody knows, which may be anything.
            let answered = bound.columns().iter().zip(&head.columns).map(|(shown, answered)| ColumnRecord {
                name: shown.name.clone(),
                ..ColumnRecord::from(&OutputColumn {
                    name: String::new(),
                    sql_type: if let SqlType::Unknown(_) = &answered.sql_type {
                        SqlType::Unknown("unknown".to_owned())
                    } else {
                        answered.sql_type.clone()
                    },
                    is_nullable: answered.is_nullable,
                    is_masked: shown.is_masked,
                    origin: shown.origin.clone(),
                })
            });
            parts.push(PartProgress {
                query_id: head.query_id.clone(),
                answered: answered.collect(),
                contradicted,
                rows: head.rows,
                partitions: head.partitions.clone(),
                fetched: Fetched::default(),
            });
        }
        live.findings.extend(findings);
        Ok(parts)
    }

    /// A result that outgrows its limit is not released, not even in part.
    async fn refuse_too_large(&self, live: &mut Live, holder: u128) -> Result<Option<Closed>, Fault> {
        let parts = progress_of(live)?;
        let rows = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.rows));
        let bytes = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.fetched.bytes));
        let message = if rows > live.row_limit {
            format!(
                "the result has {rows} rows and the limit is {}; add a LIMIT or aggregate",
                live.row_limit
            )
        } else if bytes > live.byte_limit {
            format!(
                "the result is larger than the limit of {} bytes; ask for fewer columns or rows",
                live.byte_limit
            )
        } else {
            return Ok(None);
        };
        self.stop_upstream(live).await;
        let refused = Refusal { code: RefusalCode::TooLarge, message, retry_after: None };
        let closed = self.close_refused(live, &refused).await;
        self.settle(live, holder, closed).await.map(Some)
    }

    /// A classified object that changed between reading and release: what was decided is about something else.
    async fn refuse_if_altered(&self, live: &mut Live, holder: u128) -> Result<Option<Closed>, Fault> {
        let watched: Vec<&Touched> =
            live.touched.iter().filter(|touched| !live.writes.contains(&touched.object)).collect();
        if watched.is_empty() {
            return Ok(None);
        }
        let objects = watched.iter().map(|touched| object_named(&touched.object)).collect();
        let versions = self.ports.catalogs.versions(&objects).await?;
        let is_altered = watched
            .iter()
            .any(|touched| versions.get(&object_named(&touched.object)) != Some(&touched.version));
        if !is_altered {
            return Ok(None);
        }
        self.ports.catalogs.forget(&objects).await;
        let detail = "a classified object changed between reading the statement and releasing its rows";
        live.findings.push(Finding { what: "catalog_changed".to_owned(), detail: detail.to_owned() });
        let refused = Refusal {
            code: RefusalCode::Contradiction,
            message: "a table or view that this statement reads was altered while it ran; ask again"
                .to_owned(),
            retry_after: None,
        };
        let closed = self.close_refused(live, &refused).await;
        self.settle(live, holder, closed).await.map(Some)
    }

    async fn fetch_part(
        &self,
        live: &mut Live,
        handle: &UpstreamHandle,
        part: usize,
        first: Option<Box<dyn RowSource>>,
        plan: &Arc<MaskPlan>,
        turn: Turn,
    ) -> Result<Part, Fault> {
        let progress = progress_of(live)?.get(part).ok_or_else(damaged)?;
        if is_complete(progress) {
            return Ok(Part::Complete);
        }
        let mut line = Line::new(&self.settings, plan, &progress.fetched);
        let mut first = first;
        let from = usize::try_from(progress.fetched.partition).map_err(|_| damaged())?;
        let partitions = progress.partitions.clone();
        for (partition, expected) in partitions.into_iter().enumerate().skip(from) {
            let mut source = match first.take() {
                Some(source) if partition == 0 => source,
                Some(_) | None => self.upstream_rows(live, handle, part, partition).await?,
            };
            loop {
                let slice = match self.next_slice(live, turn.holder, source.as_mut()).await? {
                    Slice::Rows(slice) => slice,
                    Slice::End => break,
                    Slice::Closed(closed) => return Ok(Part::Closed(closed)),
                };
                let masking = self.now();
                line = line.push(slice).await?;
                live.masking_us = live.masking_us.saturating_add(micros(self.now().since(masking)));
                if self.now() >= turn.until && line.has_rows() {
                    // Time is up: the page is cut where it is, so that there is always progress.
                    line.cut()?;
                }
                if line.has_full()
                    && let Some(stop) = self.store_pages(live, part, partition, &mut line, turn).await?
                {
                    return Ok(stop);
                }
            }
            line.end_partition(expected)?;
        }
        self.end_part(live, part, line, turn.is_first).await?;
        Ok(Part::Complete)
    }

    /// The next rows, while the lease is kept: upstream may be slower than a lease is long, and its agent may give up
    /// meanwhile.
    async fn next_slice(
        &self,
        live: &mut Live,
        holder: u128,
        source: &mut dyn RowSource,
    ) -> Result<Slice, Fault> {
        let mut waiting = self.now();
        let mut next = source.next();
        loop {
            let slice = tokio::time::timeout(self.settings.lease / 3, &mut next).await;
            let now = self.now();
            live.upstream_us = live.upstream_us.saturating_add(micros(now.since(waiting)));
            waiting = now;
            match slice {
                Ok(slice) => return Ok(slice?.map_or(Slice::End, Slice::Rows)),
                Err(_) => {
                    if let Some(closed) = self.save(live, holder).await? {
                        return Ok(Slice::Closed(Box::new(closed)));
                    }
                }
            }
        }
    }

    async fn upstream_rows(
        &self,
        live: &mut Live,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        let begun = self.now();
        let source = self.ports.upstream.rows(handle, part, partition).await;
        live.upstream_us = live.upstream_us.saturating_add(micros(self.now().since(begun)));
        source
    }

    /// Stores the full pages and saves how far it has come.
    async fn store_pages(
        &self,
        live: &mut Live,
        part: usize,
        partition: usize,
        line: &mut Line,
        turn: Turn,
    ) -> Result<Option<Part>, Fault> {
        for body in line.take_full() {
            self.store_page(live, part, line, body).await?;
        }
        let fetched = &mut progress_mut(live)?.get_mut(part).ok_or_else(damaged)?.fetched;
        fetched.partition = partition as u64;
        fetched.partition_rows = line.paged_rows();
        line.count_into(fetched);
        live.troubled_us = None;
        if let Some(closed) = self.save(live, turn.holder).await? {
            return Ok(Some(Part::Closed(Box::new(closed))));
        }
        if let Some(closed) = self.refuse_too_large(live, turn.holder).await? {
            return Ok(Some(Part::Closed(Box::new(closed))));
        }
        Ok((self.now() >= turn.until && !line.has_rows()).then_some(Part::Paused))
    }

    /// Ends a part: its last page lies inside the closing when it is the only one and small.
    async fn end_part(
        &self,
        live: &mut Live,
        part: usize,
        mut line: Line,
        is_first: bool,
    ) -> Result<(), Fault> {
        let has_pages = !progress_of(live)?.get(part).ok_or_else(damaged)?.fetched.pages.is_empty();
        if line.has_rows() || !has_pages && !line.has_full() {
            line.cut()?;
        }
        let bodies = line.take_full();
        let inlined: usize = progress_of(live)?
            .iter()
            .flat_map(|part| &part.fetched.pages)
            .filter(|page| page.inline.is_some())
            .map(|page| usize::try_from(page.stored).unwrap_or(usize::MAX))
            .fold(0, usize::saturating_add);
        let room = self.settings.inline.saturating_sub(inlined);
        // Who worked on it before may have stored this page apart and died: then that object is the page.
        let is_only = is_first && !has_pages && bodies.len() == 1;
        for body in bodies {
            if is_only && body.get().bytes().len() <= room {
                let (record, object) = self.page_object(live, part, &line, body)?;
                let inline = Some(STANDARD.encode(&object));
                let record = PageRecord { inline, kept: Some(self.now().to_string()), ..record };
                self.push_page(live, part, record)?;
            } else {
                self.store_page(live, part, &line, body).await?;
            }
        }
        let progress = progress_mut(live)?.get_mut(part).ok_or_else(damaged)?;
        progress.fetched.partition = progress.partitions.len() as u64;
        progress.fetched.partition_rows = 0;
        line.count_into(&mut progress.fetched);
        line.finish()
    }

    async fn store_page(
        &self,
        live: &mut Live,
        part: usize,
        line: &Line,
        body: Masked<Body>,
    ) -> Result<(), Fault> {
        let (record, object) = self.page_object(live, part, line, body)?;
        let now_kept = |record| PageRecord { kept: Some(self.now().to_string()), ..record };
        let key = live.key().ok_or_else(damaged)?;
        let page = self.page_number(live, part)?;
        let kind = ObjectKind::Page { part: u32::try_from(part).map_err(|_| damaged())?, page };
        match self.ports.recorder.keep(&key, kind, Bytes::from(object)).await? {
            Written::Kept(_) => self.push_page(live, part, now_kept(record)),
            Written::Taken => {
                // A process that lost its lease, or died before saving, has written this page. It may have cut it
                // elsewhere, so its bytes are taken over only when they are the same.
                let stored = self.ports.recordings.read(&key, kind).await?;
                match stored {
                    Some(stored) if digest_of(&stored).to_string() == record.digest => {
                        self.push_page(live, part, now_kept(record))
                    }
                    Some(_) | None => Err(Fault::lasting(
                        Origin::Pages,
                        "another process has stored other pages of this result; ask again",
                    )),
                }
            }
        }
    }

    fn page_object(
        &self,
        live: &Live,
        part: usize,
        line: &Line,
        body: Masked<Body>,
    ) -> Result<(PageRecord, Vec<u8>), Fault> {
        let (rows, size) = (body.get().rows(), body.get().size());
        let bytes = body.get().bytes();
        let header = PageHeader {
            exchange: live.exchange.clone(),
            part: u32::try_from(part).map_err(|_| damaged())?,
            page: self.page_number(live, part)?,
            body: "json-rows+gzip".to_owned(),
            columns: line.columns.clone(),
            rows,
            size,
        };
        let object = encode_page(&header, bytes)
            .map_err(|error| Fault::lasting(Origin::Gateway, "a page cannot be written").because(error))?;
        let stored = bytes.len() as u64;
        let digest = digest_of(&object).to_string();
        Ok((PageRecord { rows, size, stored, digest, kept: None, inline: None }, object))
    }

    fn page_number(&self, live: &Live, part: usize) -> Result<u32, Fault> {
        let pages = progress_of(live)?.get(part).ok_or_else(damaged)?.fetched.pages.len();
        u32::try_from(pages).map_err(|_| damaged())
    }

    fn push_page(&self, live: &mut Live, part: usize, record: PageRecord) -> Result<(), Fault> {
        let fetched = &mut progress_mut(live)?.get_mut(part).ok_or_else(damaged)?.fetched;
        fetched.rows = fetched.rows.saturating_add(record.rows);
        fetched.bytes = fetched.bytes.saturating_add(record.size);
        fetched.pages.push(record);
        Ok(())
    }
}

fn part_records(live: &Live, plans: &[Arc<MaskPlan>]) -> Result<Vec<PartRecord>, Fault> {
    let records = progress_of(live)?.iter().zip(plans).enumerate().map(|(at, (progress, plan))| {
        let Fetched { rows, masked_by_lineage, masked_by_content, pages, .. } = progress.fetched.clone();
        PartRecord {
            handle: live.children.get(at).unwrap_or(&live.handle).clone(),
            query_id: progress.query_id.clone(),
            columns: plan.columns().iter().map(ColumnRecord::from).collect(),
            rows,
            masked_by_lineage,
            masked_by_content,
            pages,
        }
    });
    Ok(records.collect())
}

/// What was decided about one statement's columns, as masking takes it.
fn obligations(plan: &PartPlan) -> Obligations {
    // Limits are the gateway's and checked apart.
    plan.obligations(Limits {
        rows: 0,
        bytes: 0,
        at_once: 0,
        per_minute: 0,
        upstream_seconds_per_hour: 0,
        statement_seconds: 0,
        hidden_failures_per_hour: 0,
    })
}

fn bind(
    plan: &PartPlan,
    answered: &[AnsweredColumn],
    keys: &TokenKeys,
    detectors: &Detectors,
    contradicted: bool,
) -> MaskPlan {
    let mut obligations = obligations(plan);
    if contradicted {
        obligations.columns = None;
        obligations.unforeseen = Treatment::from(&masked_whole());
        obligations.mask_column_names = true;
    }
    MaskPlan::bind(&obligations, None, answered, keys, detectors)
}

/// The plan bound again, from what is stored of the answer.
fn bind_again(plan: &PartPlan, progress: &PartProgress, keys: &TokenKeys, detectors: &Detectors) -> MaskPlan {
    let answered: Vec<AnsweredColumn> = progress
        .answered
        .iter()
        .map(|column| AnsweredColumn {
            name: column.name.clone(),
            sql_type: column.sql_type(),
            is_nullable: column.nullable,
            origin: column.origin.as_ref().map(|[database, schema, name]| ColumnRef {
                object: ObjectName::new(database.clone(), schema.clone(), name.clone()),
                column: String::new(),
            }),
        })
        .collect();
    bind(plan, &answered, keys, detectors, progress.contradicted)
}

fn is_complete(progress: &PartProgress) -> bool {
    progress.fetched.partition >= progress.partitions.len() as u64 && !progress.fetched.pages.is_empty()
}

fn progress_of(live: &Live) -> Result<&Vec<PartProgress>, Fault> {
    match &live.stage {
        Stage::Fetching { parts, .. } => Ok(parts),
        Stage::Held { .. } | Stage::Opened | Stage::Running { .. } | Stage::Closed => Err(damaged()),
    }
}

fn progress_mut(live: &mut Live) -> Result<&mut Vec<PartProgress>, Fault> {
    match &mut live.stage {
        Stage::Fetching { parts, .. } => Ok(parts),
        Stage::Held { .. } | Stage::Opened | Stage::Running { .. } | Stage::Closed => Err(damaged()),
    }
}

fn damaged() -> Fault {
    Fault::lasting(Origin::Exchanges, "the state of this statement is damaged")
}
