-- Refused, then put otherwise: what was let through within half an hour after the same principal was refused another text that
-- touches one of the same objects (or names none).
-- Parameters: the first day, the last day.
--
-- The row `unknown` is all exchanges of which nobody can tell here what was asked (see what_is_missing).
WITH asked AS (
  SELECT
    *,
    CASE
      WHEN missing LIKE '%opening%' THEN 'unknown'
      ELSE concat(session, '/', CAST(number AS varchar))
    END AS exchange,
    array_distinct(concat(reads, writes)) AS objects
  FROM exchanges
  WHERE dt BETWEEN ? AND ?
),
touched AS (
  SELECT
    *,
    -- `*` stands for what names no object: refused so, it may have been about any.
    outcome = 'refused' AND (object <> '*' OR cardinality(objects) = 0) AS is_refusal
  FROM asked
  CROSS JOIN UNNEST(concat(objects, ARRAY['*'])) AS one(object)
),
after AS (
  SELECT
    *,
    last_value(CASE WHEN is_refusal THEN exchange END) IGNORE NULLS OVER before AS refused_exchange,
    last_value(CASE WHEN is_refusal THEN opened END) IGNORE NULLS OVER before AS refused_at,
    last_value(CASE WHEN is_refusal THEN reason END) IGNORE NULLS OVER before AS refused_because,
    last_value(CASE WHEN is_refusal THEN sql END) IGNORE NULLS OVER before AS refused_sql,
    last_value(CASE WHEN is_refusal THEN text_digest END) IGNORE NULLS OVER before AS refused_digest
  FROM touched
  WINDOW before AS (
    PARTITION BY issuer, subject, agent, person, object
    ORDER BY opened, session, number
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
)
SELECT
  exchange,
  count(DISTINCT concat(session, '/', CAST(number AS varchar))) AS exchanges,
  max(person) AS person,
  max(subject) AS subject,
  max(agent) AS agent,
  max(opened) AS opened,
  max(outcome) AS outcome,
  max(rows_shown) AS rows_shown,
  max(sql) AS sql,
  array_agg(DISTINCT object) FILTER (WHERE object <> '*') AS shared_objects,
  max_by(refused_exchange, refused_at) AS refused_exchange,
  max(refused_at) AS refused_at,
  max_by(refused_because, refused_at) AS refused_because,
  max_by(refused_sql, refused_at) AS refused_sql
FROM after
WHERE exchange = 'unknown'
  OR (
    -- What was let through and refused afterwards, as what was cancelled, may have run.
    (
      outcome <> 'refused'
      OR decision = 'allow'
      OR decision = 'hold' AND any_match(steps, step -> json_extract_scalar(step, '$.what.kind') IN ('spent', 'issued', 'released'))
    )
    AND refused_digest <> text_digest
    AND date_diff('second', from_iso8601_timestamp(refused_at), from_iso8601_timestamp(opened)) <= 1800
  )
GROUP BY exchange
ORDER BY opened NULLS LAST
