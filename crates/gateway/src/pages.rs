//! Pages: cut where a turn ends or a page is full, written once, and found again by whoever carries the exchange on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use masking::{Body, Masked};
use recording::{ObjectKind, PageHeader, PageRecord, digest_of, encode_page};

use crate::fault::{Fault, Origin};
use crate::fetch::{Part, Size, Turn, damaged, progress_mut, progress_of, size_of};
use crate::gateway::Gateway;
use crate::line::Line;
use crate::live::Live;
use crate::ports::Written;

impl Gateway {
    /// Stores the full pages and saves how far it has come.
    pub(crate) async fn store_pages(
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
        // More than this may not be kept: what is stored is all of it.
        let is_full = matches!(size_of(live)?, Size::Full);
        let progress = progress_mut(live)?.get_mut(part).ok_or_else(damaged)?;
        let (partitions, fetched) = (progress.partitions.len(), &mut progress.fetched);
        if is_full {
            (fetched.partition, fetched.partition_rows) = (partitions as u64, 0);
            line.count_cut_into(fetched);
        } else {
            (fetched.partition, fetched.partition_rows) = (partition as u64, line.paged_rows());
            line.count_into(fetched);
        }
        live.troubled_us = None;
        if let Some(closed) = self.save(live, turn.holder).await? {
            return Ok(Some(Part::Closed(Box::new(closed))));
        }
        if let Some(closed) = self.refuse_too_large(live, turn.holder).await? {
            return Ok(Some(Part::Closed(Box::new(closed))));
        }
        if is_full {
            return Ok(Some(Part::Complete));
        }
        Ok((self.now() >= turn.until && !line.has_rows()).then_some(Part::Paused))
    }

    /// Ends a part: its last page lies inside the closing when it is the only one and small.
    pub(crate) async fn end_part(
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
