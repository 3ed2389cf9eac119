//! From an answer to its end: bind, fetch, mask, count, compare, close. `pages` stores what comes of it.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    ColumnRef, Limits, ObjectName, Obligations, OutputColumn, Refusal, RefusalCode, SqlType, Timestamp,
    Treatment,
};
use masking::{AnsweredColumn, Detectors, ForetoldColumn, MaskPlan, TokenKeys};
use recording::{ClosingOutcome, ColumnRecord, Finding, PartRecord};

use crate::breadth;
use crate::closing::Closed;
use crate::failures;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::line::Line;
use crate::live::{Acts, Fetched, Live, PartPlan, PartProgress, Stage, Touched, micros};
use crate::plan::{as_planned, contradiction, masked_whole, object_named};
use crate::ports::{Finished, ResultHead, RowSource, UpstreamHandle};
use crate::spans::{Spanned, span};

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
pub(crate) enum Part {
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
        let before = matches!(live.stage, Stage::Opened).then(|| live.clone());
        match self.fetch_all(live, finished, turn).spanned(span!("fetch")).await {
            Ok(done) => Ok(done),
            // The closing itself was found taken: nothing is left to close.
            Err(fault) if live.is_closed() => Err(fault),
            Err(fault) => self.put_off(live, before, turn, fault).await,
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
        let keys = self.ports.keys.session(session).await?;
        let keys = TokenKeys::new(keys.tokens).with_shared(keys.shared_tokens);
        let detectors = self.detectors_for(live).await?;
        if !matches!(live.stage, Stage::Fetching { .. }) {
            let parts = Self::begin_parts(live, &heads, &keys, &detectors).inspect_err(|_| {
                // Nothing else will tell so: there is no progress of what cannot be begun.
                if live.is_a_write() {
                    let ids = heads.iter().map(|head| head.query_id.as_str());
                    failures::note(live, failures::has_run(ids));
                }
            })?;
            live.stage = Stage::Fetching { upstream: handle.text.clone(), parts };
        }
        // INVARIANT: bound from what is stored, in the first turn as in every later one.
        let plans: Vec<Arc<MaskPlan>> = live
            .parts
            .iter()
            .zip(progress_of(live)?)
            .map(|(plan, progress)| Arc::new(bind_again(plan, progress, &keys, &detectors)))
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
        if let Some(closed) = self.refuse_if_access_ended(live, holder).await? {
            return Ok(Some(closed));
        }
        let parts = part_records(live, &plans)?;
        let is_large = !matches!(size_of(live)?, Size::Fits);
        let acts = progress_of(live)?.iter().fold(Acts::default(), |acts, part| acts.add(part.fetched.acts));
        // A closing that could not be written is tried again with what was found before.
        live.findings.retain(|known| acts.findings().all(|found| found.what != known.what));
        live.findings.extend(acts.findings());
        if is_large {
            return self.keep_result(live, parts, holder).await;
        }
        let closed = self.close(live, ClosingOutcome::Rows {}, parts).await;
        self.settle(live, holder, closed).await.map(Some)
    }

    /// Compares the answer with the plan; what contradicts it is masked whole, and found.
    pub(crate) fn begin_parts(
        live: &mut Live,
        heads: &[ResultHead],
        keys: &TokenKeys,
        detectors: &Detectors,
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
                let answered = as_planned(&head.columns, detectors);
                MaskPlan::contradicts(&obligations(plan), names(plan).as_deref(), &answered)
            });
            if let Some(detail) = found {
                findings
                    .push(Finding { what: "result_contradicts_plan".to_owned(), detail: detail.to_owned() });
            }
            let contradicted = found.is_some();
            let bound = bind(plan, &head.columns, keys, detectors, contradicted);
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

    /// A result that outgrows its limit is not released, not even in part, where nobody may decide on it.
    pub(crate) async fn refuse_too_large(
        &self,
        live: &mut Live,
        holder: u128,
    ) -> Result<Option<Closed>, Fault> {
        let message = match size_of(live)? {
            Size::TooLarge(message) => message,
            Size::Fits | Size::Kept | Size::Full => return Ok(None),
        };
        self.stop_upstream(live).await;
        let refused = Refusal { code: RefusalCode::TooLarge, message, retry_after: None, scopes: Vec::new() };
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
        let versions = self.ports.catalogs.versions(&objects).spanned(span!("compare")).await?;
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
            scopes: Vec::new(),
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
        // One of each, for there may be thousands of slices.
        let (rows, mask, before) = (span!("rows"), span!("mask"), (live.upstream_us, live.masking_us));
        for (partition, expected) in partitions.into_iter().enumerate().skip(from) {
            let mut source = match first.take() {
                Some(source) if partition == 0 => source,
                Some(_) | None => self.upstream_rows(live, handle, part, partition).await?,
            };
            loop {
                let next = self.next_slice(live, turn.holder, source.as_mut()).spanned(rows.clone()).await?;
                rows.record("busy_us", live.upstream_us.saturating_sub(before.0));
                let mut slice = match next {
                    Slice::Rows(slice) => slice,
                    Slice::End => break,
                    Slice::Closed(closed) => return Ok(Part::Closed(closed)),
                };
                while !slice.is_empty() {
                    let piece = slice.split_to(piece_of(live, part, &line, slice.len())?);
                    let masking = self.now();
                    line = line.push(piece).spanned(mask.clone()).await?;
                    live.masking_us = live.masking_us.saturating_add(micros(self.now().since(masking)));
                    mask.record("busy_us", live.masking_us.saturating_sub(before.1));
                    if self.now() >= turn.until && line.has_rows() {
                        // Time is up: the page is cut where it is, so that there is always progress.
                        line.cut()?;
                    }
                    if line.has_full()
                        && let Some(stop) = self
                            .store_pages(live, part, partition, &mut line, turn)
                            .spanned(span!("pages"))
                            .await?
                    {
                        return Ok(stop);
                    }
                    if line.has_rows() && room_of(live, part, &line)? == Some(0) {
                        // No more of it may be kept.
                        line.cut()?;
                        if let Some(stop) = self
                            .store_pages(live, part, partition, &mut line, turn)
                            .spanned(span!("pages"))
                            .await?
                        {
                            return Ok(stop);
                        }
                    }
                }
            }
            line.end_partition(expected)?;
        }
        self.end_part(live, part, line, turn.is_first).spanned(span!("pages")).await?;
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
        if let Some(closed) = self.refuse_overtime(live, holder).await? {
            return Ok(Slice::Closed(Box::new(closed)));
        }
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
}

/// How large a result is, against what may leave and what may be kept.
pub(crate) enum Size {
    /// It may leave.
    Fits,
    /// A person must say yes, and there is room for more of it.
    Kept,
    /// A person must say yes, and no more of it may be kept.
    Full,
    /// It is refused: in these words.
    TooLarge(String),
}

/// As far as upstream's counts and what is stored tell.
pub(crate) fn size_of(live: &Live) -> Result<Size, Fault> {
    let parts = progress_of(live)?;
    let sum = |of: fn(&PartProgress) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
    let (rows, stored, bytes) =
        (sum(|part| part.rows), sum(|part| part.fetched.rows), sum(|part| part.fetched.bytes));
    let Live { row_limit, byte_limit, row_ceiling, byte_ceiling, .. } = live;
    // Whoever decides could not be told either.
    if breadth::of_answers(parts) > breadth::MOST {
        return Ok(Size::TooLarge(breadth::refused().message));
    }
    let message = if rows > *row_limit && row_ceiling <= row_limit {
        format!("the result has {rows} rows and the limit is {row_limit}; add a LIMIT or aggregate")
    } else if bytes > *byte_limit && byte_ceiling <= byte_limit {
        format!("the result is larger than the limit of {byte_limit} bytes; ask for fewer columns or rows")
    } else if rows <= *row_limit && bytes <= *byte_limit {
        return Ok(Size::Fits);
    } else {
        let (most_rows, most_bytes) = (row_ceiling.max(row_limit), byte_ceiling.max(byte_limit));
        let is_full = stored < rows && (stored >= *most_rows || bytes >= *most_bytes);
        if parts.len() == 1 || !is_full && rows <= *most_rows {
            return Ok(if is_full { Size::Full } else { Size::Kept });
        }
        // Of several results nobody could tell which are whole.
        format!(
            "the results have {rows} rows, more than may be kept for a person to decide on ({most_rows} rows, \
             {most_bytes} bytes); ask for less, or one by one"
        )
    };
    Ok(Size::TooLarge(message))
}

/// How many more rows of this part may be kept, where it has more than may be kept; none where it is kept whole. Every full
/// page of the line is stored.
fn room_of(live: &Live, part: usize, line: &Line) -> Result<Option<u64>, Fault> {
    let progress = progress_of(live)?.get(part).ok_or_else(damaged)?;
    let most = live.row_ceiling.max(live.row_limit);
    let kept = progress.fetched.rows.saturating_add(line.open_rows());
    Ok((progress.rows > most).then_some(most.saturating_sub(kept)))
}

/// How many bytes of a slice are masked at once: all of them, or so few that they hold no more rows than may be kept.
fn piece_of(live: &Live, part: usize, line: &Line, length: usize) -> Result<usize, Fault> {
    // The shortest row, with a comma behind it, is `[""],`.
    const SHORTEST: u64 = 4;
    let Some(room) = room_of(live, part, line)? else { return Ok(length) };
    let piece = usize::try_from(room.saturating_mul(SHORTEST)).unwrap_or(usize::MAX).max(2 * 4);
    Ok(piece.min(length))
}

pub(crate) fn part_records(live: &Live, plans: &[Arc<MaskPlan>]) -> Result<Vec<PartRecord>, Fault> {
    let records = progress_of(live)?.iter().zip(plans).enumerate().map(|(at, (progress, plan))| {
        let Fetched { rows, masked_by_lineage, masked_by_content, found, pages, .. } =
            progress.fetched.clone();
        PartRecord {
            handle: live.children.get(at).unwrap_or(&live.handle).clone(),
            query_id: progress.query_id.clone(),
            columns: plan.columns().iter().map(ColumnRecord::from).collect(),
            rows,
            cut_from: (rows < progress.rows).then_some(progress.rows),
            masked_by_lineage,
            masked_by_content,
            found,
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
        rows_if_approved: 0,
        bytes_if_approved: 0,
        at_once: 0,
        per_minute: 0,
        upstream_seconds_per_hour: 0,
        statement_seconds: 0,
        hidden_failures_per_hour: 0,
        asks_per_hour: 0,
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
    let foretold =
        plan.stored_names.iter().map(|names| ForetoldColumn { name: None, stored_names: names.clone() });
    let foretold: Vec<ForetoldColumn> = foretold.collect();
    let foretold = Some(foretold.as_slice()).filter(|foretold| !foretold.is_empty());
    MaskPlan::bind(&obligations, foretold, answered, keys, detectors)
}

/// The columns by the names that were foretold, as they are kept.
fn names(plan: &PartPlan) -> Option<Vec<ForetoldColumn>> {
    let foretold = |name: &Option<String>| ForetoldColumn { name: name.clone(), ..ForetoldColumn::default() };
    Some(plan.names.as_ref()?.iter().map(foretold).collect())
}

/// The plan bound again, from what is stored of the answer.
pub(crate) fn bind_again(
    plan: &PartPlan,
    progress: &PartProgress,
    keys: &TokenKeys,
    detectors: &Detectors,
) -> MaskPlan {
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

pub(crate) fn progress_of(live: &Live) -> Result<&Vec<PartProgress>, Fault> {
    match &live.stage {
        Stage::Fetching { parts, .. } => Ok(parts),
        Stage::Held { .. } | Stage::Opened | Stage::Running { .. } | Stage::Closed => Err(damaged()),
    }
}

pub(crate) fn progress_mut(live: &mut Live) -> Result<&mut Vec<PartProgress>, Fault> {
    match &mut live.stage {
        Stage::Fetching { parts, .. } => Ok(parts),
        Stage::Held { .. } | Stage::Opened | Stage::Running { .. } | Stage::Closed => Err(damaged()),
    }
}

pub(crate) fn damaged() -> Fault {
    Fault::lasting(Origin::Exchanges, "the state of this statement is damaged")
}
