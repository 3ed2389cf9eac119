-- One row for each exchange, out of the objects that lie under its number: where openings and steps lie as objects, too, as in a home.
-- Its columns are those of `exchanges`, so that every query can be asked here.
--
-- `missing` says what a query cannot see: nothing here may pass for nothing there.
--   opening   who asked and what is not among the objects, or is another opening than the closing names
--   approval  the closing names a step of an approval that is not among them
--   damaged   the content of an object has another digest than stands beside it, is of another exchange than its name, or is no record of
--             version 1: it counts as absent
WITH objects AS (
  SELECT
    dt,
    regexp_extract("$path", '/([0-9a-f]{32})/[^/]+$', 1) AS session,
    CAST(regexp_extract("$path", '/([0-9]{8})[.][^/]+$', 1) AS bigint) AS number,
    regexp_extract("$path", '[.]([a-z]+)(-[0-9]+)?[.]json$', 1) AS kind,
    CAST(regexp_extract("$path", '-([0-9]+)[.]json$', 1) AS bigint) AS step,
    digest,
    record
  FROM records
),
checked AS (
  SELECT
    dt,
    session,
    number,
    kind,
    step,
    digest,
    CASE
      WHEN digest = concat('sha256:', lower(to_hex(sha256(to_utf8(record)))))
        AND json_extract_scalar(record, '$.v') = '1'
        AND json_extract_scalar(record, '$.exchange') = concat(session, '/', CAST(number AS varchar))
      -- Pages inside closings are what weighs, and nothing here reads them.
      THEN regexp_replace(record, '"inline":"[^"]*"', '"inline":""')
    END AS record
  FROM objects
),
grouped AS (
  SELECT
    dt,
    session,
    number,
    max(record) FILTER (WHERE kind = 'opening') AS kept_opening,
    max(digest) FILTER (WHERE kind = 'opening') AS opening_digest,
    max(record) FILTER (WHERE kind = 'closing') AS closing,
    array_agg(record ORDER BY step) FILTER (WHERE kind = 'approval' AND record IS NOT NULL) AS steps,
    array_agg(digest) FILTER (WHERE kind = 'approval' AND record IS NOT NULL) AS step_digests,
    max_by(record, step) FILTER (WHERE kind = 'evidence' AND record IS NOT NULL) AS evidence,
    bool_or(record IS NULL) AS damaged
  FROM checked
  GROUP BY dt, session, number
),
named AS (
  SELECT
    *,
    CASE WHEN coalesce(json_extract_scalar(closing, '$.opening'), opening_digest) = opening_digest THEN kept_opening END AS opening,
    json_extract_scalar(closing, '$.approval') AS last_step
  FROM grouped
),
parsed AS (
  SELECT
    *,
    coalesce(CAST(json_extract(opening, '$.statements') AS array(json)), ARRAY[]) AS statements,
    flatten(transform(
      coalesce(steps, ARRAY[]),
      step -> coalesce(CAST(json_extract(step, '$.what.footprints') AS array(json)), ARRAY[])
    )) AS footprints,
    coalesce(CAST(json_extract(closing, '$.parts') AS array(json)), ARRAY[]) AS parts,
    coalesce(CAST(json_extract(closing, '$.findings') AS array(json)), ARRAY[]) AS closed_findings,
    coalesce(CAST(json_extract(evidence, '$.findings') AS array(json)), ARRAY[]) AS late_findings
  FROM named
)
SELECT
  dt,
  session,
  number,
  nullif(concat_ws(
    ', ',
    CASE WHEN opening IS NULL THEN 'opening' END,
    CASE WHEN last_step IS NOT NULL AND NOT coalesce(contains(step_digests, last_step), false) THEN 'approval' END,
    CASE WHEN damaged THEN 'damaged' END
  ), '') AS missing,
  json_extract_scalar(opening, '$.opened') AS opened,
  json_extract_scalar(closing, '$.closed') AS closed,
  json_extract_scalar(opening, '$.door') AS door,
  json_extract_scalar(opening, '$.principal.issuer') AS issuer,
  json_extract_scalar(opening, '$.principal.subject') AS subject,
  json_extract_scalar(opening, '$.principal.agent') AS agent,
  json_extract_scalar(opening, '$.principal.person') AS person,
  coalesce(json_extract_scalar(evidence, '$.text'), json_extract_scalar(opening, '$.prompt.text')) AS prompt,
  coalesce(json_extract_scalar(evidence, '$.grade'), json_extract_scalar(opening, '$.prompt.grade')) AS grade,
  json_extract_scalar(opening, '$.sql') AS sql,
  json_extract_scalar(opening, '$.digest') AS text_digest,
  array_distinct(transform(statements, statement -> json_extract_scalar(statement, '$.class'))) AS classes,
  -- What was read anew for an approval counts, too.
  array_distinct(flatten(transform(
    concat(statements, footprints),
    statement -> coalesce(CAST(json_extract(statement, '$.reads') AS array(varchar)), ARRAY[])
  ))) AS reads,
  array_distinct(flatten(transform(
    concat(statements, footprints),
    statement -> coalesce(CAST(json_extract(statement, '$.writes') AS array(varchar)), ARRAY[])
  ))) AS writes,
  json_extract_scalar(opening, '$.decision') AS decision,
  coalesce(CAST(json_extract(opening, '$.rules') AS array(varchar)), ARRAY[]) AS rules,
  coalesce(json_extract_scalar(closing, '$.outcome.kind'), 'pending') AS outcome,
  json_extract_scalar(closing, '$.outcome.reason') AS reason,
  json_extract_scalar(closing, '$.outcome.message') AS message,
  reduce(parts, BIGINT '0', (sum, part) -> sum + CAST(json_extract_scalar(part, '$.rows') AS bigint), sum -> sum) AS rows_shown,
  reduce(
    parts, BIGINT '0', (sum, part) -> sum + CAST(json_extract_scalar(part, '$.masked_by_lineage') AS bigint), sum -> sum
  ) AS masked_by_lineage,
  reduce(
    parts, BIGINT '0', (sum, part) -> sum + CAST(json_extract_scalar(part, '$.masked_by_content') AS bigint), sum -> sum
  ) AS masked_by_content,
  transform(
    filter(
      flatten(transform(parts, part -> CAST(json_extract(part, '$.columns') AS array(json)))),
      one -> json_extract_scalar(one, '$.masked') = 'true'
    ),
    one -> json_extract_scalar(one, '$.name')
  ) AS masked_columns,
  array_distinct(transform(
    concat(closed_findings, late_findings), finding -> json_extract_scalar(finding, '$.what')
  )) AS findings,
  transform(parts, part -> json_extract_scalar(part, '$.query_id')) AS query_ids,
  coalesce(steps, ARRAY[]) AS steps,
  CAST(NULL AS varchar) AS compacted
FROM parsed
