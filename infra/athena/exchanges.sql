-- One row for each exchange, of those that the function `seal` has told. The queries hang on these columns alone.
--
-- A row is told once at least, and the latest counts; what is closed stays closed. `missing` says what a query cannot see: nothing here
-- may pass for nothing there.
--   opening   who asked and what is not among the objects, or is another opening than the closing names
--   approval  the closing names a step of an approval that is not among them
--   damaged   the content of an object has another digest than stands beside it, is of another exchange than its name, or is no record of
--             version 1: it counts as absent
WITH told AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY dt, session, number
      ORDER BY CASE WHEN closed IS NULL THEN 1 ELSE 0 END, compacted DESC
    ) AS place
  FROM compacted
)
SELECT
  dt,
  session,
  number,
  missing,
  opened,
  closed,
  door,
  issuer,
  subject,
  agent,
  person,
  prompt,
  grade,
  sql,
  text_digest,
  classes,
  reads,
  writes,
  decision,
  rules,
  outcome,
  reason,
  message,
  rows_shown,
  masked_by_lineage,
  masked_by_content,
  masked_columns,
  findings,
  query_ids,
  steps,
  compacted
FROM told
WHERE place = 1
