-- Approvals and their times: one row for each approval, with how long people took.
-- Parameters: the first day, the last day (of the statement, not of the verdict).
--
-- An approval that is asked for anew is one of its own. `ended` is its last step; a row whose `approval` is `unknown` is an exchange that
-- was approved, denied or left to expire by steps that are not among the objects (see what_is_missing).
WITH steps AS (
  SELECT
    exchange.*,
    at AS step_number,
    step,
    json_extract_scalar(step, '$.what.kind') AS kind,
    json_extract_scalar(step, '$.at') AS happened,
    count_if(json_extract_scalar(step, '$.what.kind') = 'asked')
      OVER (PARTITION BY dt, session, number ORDER BY at) AS round
  FROM exchanges AS exchange
  LEFT JOIN UNNEST(steps) WITH ORDINALITY AS one(step, at) ON true
  WHERE dt BETWEEN ? AND ?
    AND (cardinality(steps) > 0 OR missing LIKE '%approval%' OR missing LIKE '%damaged%')
),
rounds AS (
  SELECT
    coalesce(max(json_extract_scalar(step, '$.what.approval')) FILTER (WHERE kind = 'asked'), 'unknown') AS approval,
    concat(session, '/', CAST(number AS varchar)) AS exchange,
    max(person) AS person,
    max(subject) AS subject,
    max(agent) AS agent,
    max(sql) AS sql,
    max(json_extract_scalar(step, '$.what.reason')) FILTER (WHERE kind = 'asked') AS held_because,
    min(happened) FILTER (WHERE kind = 'asked') AS asked,
    min(happened) FILTER (WHERE kind = 'told') AS told,
    min(happened) FILTER (WHERE kind = 'viewed') AS viewed,
    max(happened) FILTER (WHERE kind = 'decided') AS decided,
    array_agg(
      concat(
        coalesce(json_extract_scalar(step, '$.what.by.person'), json_extract_scalar(step, '$.what.by.subject')),
        ': ',
        json_extract_scalar(step, '$.what.verdict'),
        coalesce(concat(': ', json_extract_scalar(step, '$.what.reason')), '')
      )
      ORDER BY step_number
    ) FILTER (WHERE kind = 'decided') AS verdicts,
    max_by(kind, step_number) AS ended,
    max(happened) AS last_step,
    max(outcome) AS outcome,
    max(missing) AS missing
  FROM steps
  GROUP BY dt, session, number, round
)
SELECT
  *,
  date_diff('second', from_iso8601_timestamp(asked), from_iso8601_timestamp(decided)) AS seconds_to_verdict
FROM rounds
ORDER BY coalesce(asked, last_step) NULLS LAST
