-- What the other queries cannot see, by day. Run it first: where anything but `exchanges`, `pending` and `lost` is above 0, an empty answer of
-- the others is none. What was closed after `told_until` is perhaps not among them yet.
-- Parameters: the first day, the last day.
--
-- `without_row` is numbers of a session that no row is of, between two that have one: what runs now, or what no row was made of.
SELECT
  dt,
  count(*) AS exchanges,
  count_if(outcome = 'pending') AS pending,
  count_if(outcome = 'lost') AS lost,
  sum(number - before - 1) AS without_row,
  count_if(missing LIKE '%opening%') AS without_opening,
  count_if(missing LIKE '%approval%') AS without_approval,
  count_if(missing LIKE '%damaged%') AS damaged,
  max(compacted) AS told_until
FROM (
  SELECT
    dt,
    outcome,
    missing,
    compacted,
    number,
    lag(number, 1, number - 1) OVER (PARTITION BY session ORDER BY number) AS before
  FROM exchanges
  WHERE dt BETWEEN ? AND ?
)
GROUP BY dt
ORDER BY dt
