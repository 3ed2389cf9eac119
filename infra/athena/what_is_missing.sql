-- What the other queries cannot see, by day. Run it first: where anything but `exchanges` and `pending` is above 0, an empty answer of the
-- others is none.
-- Parameters: the first day, the last day.
SELECT
  dt,
  count(*) AS exchanges,
  count_if(outcome = 'pending') AS pending,
  count_if(outcome = 'lost') AS lost,
  count_if(missing LIKE '%opening%') AS without_opening,
  count_if(missing LIKE '%approval%') AS without_approval,
  count_if(missing LIKE '%damaged%') AS damaged
FROM exchanges
WHERE dt BETWEEN ? AND ?
GROUP BY dt
ORDER BY dt
