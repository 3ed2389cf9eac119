-- Who has looked at recordings over HTTP: one row for each look, the latest first.
-- Parameters: the first day, the last day (of the look, not of what was looked at), a session or an exchange (SESSION/NUMBER). An empty one
-- stands for all looks, those that found nothing included. `damaged` are exchanges that a look said to be damaged, and told nothing else of.
--
-- `is_intact` false: the object has another digest than stands beside it, or is none of ours, and what it tells is not shown. Such looks are
-- told whatever is asked for.
WITH kept AS (
  SELECT
    dt,
    "$path" AS path,
    coalesce(digest = concat('sha256:', lower(to_hex(sha256(to_utf8(record))))), false)
      AND json_extract_scalar(record, '$.v') = '1' AS is_intact,
    record
  FROM looks
  WHERE dt BETWEEN ? AND ?
),
told AS (
  SELECT
    dt,
    path,
    is_intact,
    CASE WHEN is_intact THEN record END AS record,
    CASE WHEN is_intact THEN coalesce(CAST(json_extract(record, '$.shown') AS array(varchar)), ARRAY[]) ELSE ARRAY[] END AS shown,
    CASE WHEN is_intact THEN coalesce(CAST(json_extract(record, '$.damaged') AS array(varchar)), ARRAY[]) ELSE ARRAY[] END AS damaged
  FROM kept
)
SELECT
  dt,
  is_intact,
  json_extract_scalar(record, '$.at') AS at,
  json_extract_scalar(record, '$.by.person') AS person,
  json_extract_scalar(record, '$.by.subject') AS subject,
  json_extract_scalar(record, '$.by.issuer') AS issuer,
  json_extract_scalar(record, '$.by.client') AS client,
  json_extract_scalar(record, '$.what') AS what,
  json_format(json_extract(record, '$.asked')) AS asked,
  CAST(json_extract_scalar(record, '$.read') AS bigint) AS exchanges_read,
  shown,
  damaged,
  json_extract_scalar(record, '$.answer') AS answer,
  json_extract_scalar(record, '$.look') AS look,
  regexp_extract(path, '[^/]+$') AS object
FROM told
WHERE NOT is_intact
  OR cardinality(filter(concat(ARRAY[''], shown, damaged), one -> starts_with(concat(one, '/'), concat(?, '/')))) > 0
ORDER BY is_intact, at DESC
