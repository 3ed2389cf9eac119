-- What the other queries cannot see, by day. Run it first: where anything but `exchanges` and `pending` is above 0, an empty answer of the
-- others is none. What was closed after `told_until` is perhaps not among them yet.
-- Parameters: the first day, the last day.
SELECT
  dt,
  count(*) AS exchanges,
  count_if(outcome = 'pending') AS pending,
  count_if(outcome = 'lost') AS lost,
  count_if(missing LIKE '%opening%') AS without_opening,
  count_if(missing LIKE '%approval%') AS without_approval,
  count_if(missing LIKE '%damaged%') AS damaged,
  max(compacted) AS told_until
FROM exchanges
WHERE dt BETWEEN ? AND ?
GROUP BY dt
ORDER BY dt
