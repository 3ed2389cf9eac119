-- Everything that an agent did yesterday (UTC), in order. For another day put that one in the place of yesterday.
-- Parameter: the agent (claude-finance).
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
  WHERE dt = date_format(current_date - INTERVAL '1' DAY, '%Y-%m-%d')
    AND (agent = ? OR missing LIKE '%opening%')
)
SELECT
  exchange,
  count(*) AS exchanges,
  max(opened) AS opened,
  max(closed) AS closed,
  max(person) AS person,
  max(subject) AS subject,
  max(door) AS door,
  max(prompt) AS prompt,
  max(grade) AS grade,
  max(sql) AS sql,
  arbitrary(reads) AS reads,
  arbitrary(writes) AS writes,
  max(decision) AS decision,
  arbitrary(rules) AS rules,
  max(outcome) AS outcome,
  max(reason) AS reason,
  max(message) AS message,
  sum(rows_shown) AS rows_shown,
  sum(masked_by_lineage + masked_by_content) AS masked_cells,
  arbitrary(findings) AS findings,
  max(missing) AS missing
FROM told
GROUP BY exchange
ORDER BY opened NULLS LAST
