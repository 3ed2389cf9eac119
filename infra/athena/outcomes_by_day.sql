-- How exchanges ended, by day and reason: what left, what was refused, what failed, what was remarkable. It needs closings alone.
-- Parameters: the first day, the last day.
SELECT
  dt,
  outcome,
  reason,
  count(*) AS exchanges,
  sum(rows_shown) AS rows_shown,
  sum(masked_by_lineage + masked_by_content) AS masked_cells,
  array_sort(array_distinct(flatten(array_agg(findings)))) AS findings,
  count_if(missing LIKE '%damaged%') AS damaged
FROM exchanges
WHERE dt BETWEEN ? AND ?
GROUP BY dt, outcome, reason
ORDER BY dt, exchanges DESC, outcome, reason
