-- Exchanges of a person, of an agent or with an object, within days: what is too much for one search of the function `sessions`.
-- Parameters: the first day, the last day, the person, the agent, the full name of an object, words of statement or prompt. An empty one
-- stands for anything.
--
-- The last row, `unknown`, is all exchanges of which nobody can tell here whose they are (see what_is_missing).
WITH told AS (
  SELECT
    *,
    CASE
      WHEN missing LIKE '%opening%' THEN 'unknown'
      ELSE concat(session, '/', CAST(number AS varchar))
    END AS exchange
  FROM exchanges
  WHERE dt BETWEEN ? AND ?
    AND (
      missing LIKE '%opening%'
      OR (
        coalesce(nullif(lower(?), ''), lower(coalesce(person, ''))) = lower(coalesce(person, ''))
        AND coalesce(nullif(lower(?), ''), lower(coalesce(agent, ''))) = lower(coalesce(agent, ''))
        AND contains(transform(concat(ARRAY[''], reads, writes), object -> lower(object)), lower(?))
        AND strpos(lower(concat(coalesce(sql, ''), chr(10), coalesce(prompt, ''))), lower(?)) > 0
      )
    )
)
SELECT
  exchange,
  count(*) AS exchanges,
  max(opened) AS opened,
  max(closed) AS closed,
  max(person) AS person,
  max(subject) AS subject,
  max(agent) AS agent,
  max(prompt) AS prompt,
  max(sql) AS sql,
  arbitrary(reads) AS reads,
  arbitrary(writes) AS writes,
  max(decision) AS decision,
  arbitrary(rules) AS rules,
  max(outcome) AS outcome,
  max(reason) AS reason,
  sum(rows_shown) AS rows_shown,
  sum(masked_by_lineage + masked_by_content) AS masked_cells,
  arbitrary(findings) AS findings,
  max(missing) AS missing
FROM told
GROUP BY exchange
ORDER BY opened NULLS LAST
