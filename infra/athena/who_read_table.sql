-- Who read this table or view: one row for each who asked, agent and day.
-- Parameters: its full name (DEMO.PUBLIC.CUSTOMERS), the first day, the last day (2026-11-26).
--
-- Days are those on which it was asked: what waited for a person may have run up to thirty days later.
--
-- `it_read`:
--   yes      it, or the whole schema or database that holds it, was read (a clone reads so)
--   perhaps  the statement could not be read with certainty, calls a procedure or exports what it does not name, so it may touch more than it
--            names; a part of its record is missing; or it was let through and refused afterwards, as what was cancelled or was too large: it
--            may have run, and nothing of it was shown
--   unknown  what was asked is not among the objects, see what_is_missing
-- What was refused or denied before it ran has read nothing. What a view reads is named beside it.
WITH asked AS (
  SELECT
    ARRAY[
      name,
      concat(split_part(name, '.', 1), '.', split_part(name, '.', 2), '.""'),
      concat(split_part(name, '.', 1), '."".""')
    ] AS names
  FROM (SELECT upper(?) AS name)
),
told AS (
  SELECT
    exchange.*,
    CASE
      WHEN missing LIKE '%opening%' THEN 'unknown'
      WHEN any_match(reads, object -> contains(names, upper(object))) THEN if(outcome = 'refused', 'perhaps', 'yes')
      WHEN contains(classes, 'opaque') OR contains(classes, 'call') OR cardinality(classes) = 0 OR missing IS NOT NULL THEN 'perhaps'
      WHEN contains(classes, 'export') AND cardinality(reads) = 0 THEN 'perhaps'
    END AS it_read
  FROM exchanges AS exchange
  CROSS JOIN asked
  WHERE dt BETWEEN ? AND ?
    AND (
      outcome <> 'refused'
      OR decision = 'allow'
      OR decision = 'hold' AND any_match(steps, step -> json_extract_scalar(step, '$.what.kind') IN ('spent', 'issued', 'released'))
      OR missing IS NOT NULL
    )
)
SELECT
  it_read,
  dt,
  person,
  subject,
  issuer,
  agent,
  count(*) AS exchanges,
  sum(rows_shown) AS rows_shown,
  sum(masked_by_lineage + masked_by_content) AS masked_cells,
  min(opened) AS first_opened,
  max(opened) AS last_opened,
  slice(array_agg(concat(session, '/', CAST(number AS varchar)) ORDER BY opened), 1, 20) AS some
FROM told
WHERE it_read IS NOT NULL
GROUP BY it_read, dt, person, subject, issuer, agent
ORDER BY dt, first_opened
