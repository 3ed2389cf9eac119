-- How many cells were masked, for each person and agent.
-- Parameters: the first day, the last day.
--
-- Cells masked by lineage are those of columns that policy masks; by content, those in which a detector found something. The row
-- `is_known` false is all exchanges of which nobody can tell here whose they are (see what_is_missing).
SELECT
  missing IS NULL OR missing NOT LIKE '%opening%' AS is_known,
  person,
  subject,
  issuer,
  agent,
  count(*) AS exchanges,
  sum(rows_shown) AS rows_shown,
  sum(masked_by_lineage) AS masked_by_lineage,
  sum(masked_by_content) AS masked_by_content,
  array_sort(array_distinct(flatten(array_agg(masked_columns)))) AS masked_columns
FROM exchanges
WHERE dt BETWEEN ? AND ? AND outcome = 'rows'
GROUP BY 1, 2, 3, 4, 5
ORDER BY masked_by_lineage + masked_by_content DESC
