-- Statements whose answer, failure, size or duration tells something of a column that may not be seen: each has to
-- test one. One statement a line.

-- Values made so large that a longer one fails
select replace(ssn, '1', repeat('x', 10000000)) from customers
select ssn || repeat('x', 16777205) from customers
select ssn||ssn a1, a1||a1 a2, a2||a2 a3, a3||a3 a4, a4||a4 a5, a5||a5 a6, a6||a6 a7, a7||a7 a8, a8||a8 a9, a9||a9 a10, a10||a10 a11, a11||a11 a12, a12||a12 a13, a13||a13 a14, a14||a14 a15, a15||a15 a16 from customers
select listagg(ssn) from customers, table(generator(rowcount => 1000000))
select listagg(c.ssn) from customers c cross join orders o where c.id = 7
select hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(hex_encode(ssn)))))))))))))))))) from customers
with recursive r(n, v) as (select 1, ssn from customers where id = 7 union all select n + 1, v || v from r where n < 30) select v from r

-- Values that pick how a function works, and functions that fail for some
select sha2('x', length(concat(replace(left(ssn,1),'4',''), repeat('x',224)))) from customers
select substr('abc', ascii(ssn)) from customers
select split_part('a,b', ',', length(ssn)) from customers
select round(1.5, length(ssn)) from customers
select object_construct(ssn, 1) from customers
select object_construct(country, 1, ssn, 2) from customers
select array_construct(1)[length(ssn)] from customers
select left('abc', length(ssn)) from customers
select translate('x', 'x', ssn) from customers
select datediff(nanosecond, '1700-01-01', dob) from customers
select dateadd(year, 7999, dob) from customers
select date_trunc(ssn, dob) from customers
select sum(profile:ssn) from customers
select profile:ssn + 1 from customers
select profile:ssn::number from customers
select array_append(profile:ssn, 'x') from customers
select coalesce(profile:ssn, 0) from customers
select avg(profile:ssn) from customers
select * from (select segment, ssn from customers) pivot (max(ssn) for segment in ('a') default on null (0))
select v from (select id, ssn from customers) unpivot (v for k in (id, ssn))
select ssn from customers union all select id from orders

-- Conversions where values meet
select c.id from customers c join (select '123' ssn) g using (ssn)
select c.id from customers c natural join (select '123' ssn) g
select c.id from customers c join (select ssn from employees union all select '123') g on c.ssn = g.ssn
select c.id from customers c join (select coalesce(ssn, '1') s from employees) g on c.ssn = g.s

-- Guesses brought along
select id from customers where ssn not in (select ssn from employees)
select id from customers where ssn = all (select ssn from employees)
select id, case ssn when '1' then 'a' else 'b' end from customers
select id, (select o.id from orders o order by c.ssn limit 1) from customers c
select object_construct('a', 1)[ssn] from customers
select sum(id) over (order by id rows between length(ssn) preceding and current row) from customers
select id from customers qualify ssn = lag(ssn) over (order by id)
select * from orders at (timestamp => (select max(dob)::timestamp from customers))
select count(*) from table(generator(rowcount => (select max(length(ssn)) from customers)))
select f.index from customers c, lateral flatten(input => split(c.ssn, '-'), outer => true) f
select s.index from customers c, table(split_to_table(c.ssn, '4')) s
select s.seq from customers c, lateral strtok_split_to_table(c.ssn, '4') s
with recursive r as (select 1 n union all select n + 1 from r where n < (select max(length(ssn)) from customers)) select count(*) from r
select level from customers where id = 7 start with id = 7 connect by level <= length(ssn)
select count(*) from customers c, lateral (select 1 x where c.ssn like '1%') l
select country from customers except select ssn from customers
select count(distinct iff(ssn > '5', 1, 0)) from customers
select count(nullif(ssn, '1')) from customers
select approx_count_distinct(left(ssn, 1)) from customers
select count(distinct ssn || 'x') from customers
select id from customers where (ssn || null) is null
select id, nullif(ssn, '1') is null from customers
select id from customers where profile:ssn is null
select id, profile:email is null from customers
select id from customers where hash(ssn) % 10 = 1
select any_value(id) from customers group by ssn
select count(*) over (partition by ssn) from customers
select listagg(id, ',') within group (order by ssn) from customers
select array_agg(id) within group (order by email) from customers
select first_value(id) over (order by ssn) from customers
select min_by(id, ssn) from customers
select ssn as id from customers where id = '1'
select ssn as country, count(*) from customers group by 1 having country > '5'
select (select max(id) from customers where ssn = '1') x
select id from v_customers where upper(tax_ref) = 'X'
select id from customers where id in (select id from customers where email like 'a%')
select id from customers c where exists (select 1 from orders o where o.sku = c.ssn)
select id from customers where ssn like country
select id from customers where country like ssn
select id from customers where contains(notes, ssn)
select id from customers where notes like '%ssn%'
select count(*) from customers where notes ilike '%refund%'
select id from customers order by notes
select distinct notes from customers
select profile:prefs.theme::string t, count(*) from customers group by 1
select max(length(notes)) over () from customers where length(notes) > 5
select mod(length(ssn), 2) from customers
select power(2, salary) from employees
select repeat('x', salary) from employees
select space(salary) from employees
select lpad('x', salary) from employees
select rpad(ssn, id, '*') from customers
select randstr(length(ssn), random()) from customers
select uniform(1, length(ssn), random()) from customers
select array_generate_range(0, length(ssn)) from customers
select seq4() from table(generator(timelimit => (select max(salary) from employees)))
select system$wait(length(ssn)) from customers
select h3_latlng_to_cell(salary, 1, 1) from employees
select st_makepoint(salary, 1) from employees
select to_time(ssn) from customers
select date_from_parts(salary, 1, 1) from employees
select time_slice(dob, salary, 'day') from customers, employees
select charindex('1', ssn) from customers
select regexp_count(ssn, '[0-9]') from customers
select parse_url(email) from customers
select decompress_string(ssn::binary, 'SNAPPY') from customers
select try_parse_json(ssn):a from customers where try_parse_json(ssn) is null
select width_bucket(length(ssn), 0, 20, 5) from customers
select ntile(length(ssn)) over (order by id) from customers
select lag(id, length(ssn)) over (order by id) from customers
select nth_value(id, length(ssn)) over (order by id) from customers
select ratio_to_report(salary) over (partition by id) from employees
select bitshiftleft(1, length(ssn)) from customers
select factorial(length(ssn)) from customers
select interval_col from customers where ssn::date > current_date
select id from customers match_recognize (order by id measures match_number() m all rows per match pattern (a b*) define b as ssn > prev(ssn))
select id from customers where ssn ilike any ('1%', '2%')
select id from customers where ssn regexp '1.*'
select id from customers where (ssn, country) in (('1', 'DE'))
select id from customers where array_contains('1'::variant, split(ssn, '-'))
select id from customers where arrays_overlap(split(ssn,'-'), ['123'])
select id from customers where get(split(ssn, '-'), 0) = '123'
select id from customers where is_integer(try_parse_json(ssn))
select id from customers where startswith(md5(ssn), 'a')
select id from customers having count(distinct ssn) > 1 and max(ssn) = '1'
select sum(case when email like '%@gmail.com' then amount end) from customers join orders on orders.customer_id = customers.id
select boolor_agg(ssn = '1') from customers
select max(ssn = '1') from customers
select min(ssn) = '1' from customers
select array_position('1'::variant, array_agg(ssn)) from customers
select array_size(array_unique_agg(left(ssn, 1))) from customers where left(ssn,1) = '1'
select id from customers tablesample (10) where ssn = '1'
select top 1 id from customers order by dob
select id from customers order by 1, dob
select id, dob from customers order by 2
select id from customers order by case when ssn = '1' then 0 else 1 end
select id from customers where dob = '1980-01-01'::date
select id from customers where age > 3 and year(dob) = 1980
select id from customers where datediff(year, dob, current_date) > 30
select country, avg(datediff(year, dob, current_date)) a from customers group by country having a > 30
select id from employees where salary > (select avg(salary) from employees)
select e.id from employees e join employees m on e.manager_id = m.id and e.salary > m.salary
select dept from employees group by dept having count(distinct case when salary > 5 then 1 end) > 0
select id from employees where salary between 1 and 2
select id from employees where not salary = 5
select id from employees where salary is distinct from 5
select id from employees where nvl(salary, 0) = 0
select id from employees where coalesce(salary, 0) > 1
select approx_percentile(salary, 0.5) p from employees having p > 5
select id from employees qualify percent_rank() over (order by salary) > 0.9
select id from employees qualify max(salary) over () = salary
select o.id from orders o join customers c on o.sku = c.ssn
select e.name from employees e where e.name in (select name from customers)

-- Comparisons, orders and groups
select count(*) from customers where ssn = '123-45-6789'
select 1 from customers where email like 'a%'
select id from customers where ssn in ('1','2')
select id from customers where ssn between '1' and '5'
select id from customers where not (ssn <> '1')
select id from customers where ssn is distinct from '1'
select id from customers where equal_null(ssn, '1')
select id from customers order by ssn
select id from customers order by left(email, 1) limit 1
select country, count(*) from customers group by country, ssn
select id from customers where case when ssn like '1%' then true else false end
select id from customers where length(ssn) = 11
select id from customers where ssn || '' = '1'
select count(*) from customers having max(ssn) > '5'
select id from employees where salary > 50000
select id from employees where salary * 2 > 100000
select count(*) from employees group by salary
select dept from employees group by dept having avg(salary) > 10
select id from payments where startswith(iban, 'DE')
select id from orders where ship_address ilike '%Berlin%'
select id from customers where profile:ssn = '1'
select id from customers where profile:email::string like 'a%'
select id from customers where array_contains(ssn::variant, array_construct('1','2'))
select id from customers where ssn rlike '1.*'
select id from customers where ssn = any(array_construct('1'))
select id from customers where exists (select 1 from (values ('1')) v(x) where v.x = ssn)
select min(id) from customers where ssn > '5'
select * from (select id from customers order by ssn limit 5)
select top 3 id from customers order by email
select id from customers where dob > '1990-01-01'
select id, rank() over (order by salary) from employees
select id from employees qualify rank() over (order by salary desc) = 1
select distinct ssn from customers
select count(*) from (select distinct left(ssn, 1) from customers)
select count(distinct left(ssn,1)) from customers
select id from customers where hash(ssn) = 5
select id from customers where try_to_number(ssn) is not null
select id from customers where nullif(ssn, '1') is null
select id from customers where coalesce(ssn, 'x') = 'x'
select id from customers c where c.ssn = (select max(ssn) from customers)
select sum(iff(ssn > '5', 1, 0)) from customers
select count_if(email ilike '%gmail%') from customers
select booland_agg(ssn > '1') from customers
select id, ssn > '5' b from customers
select id, ssn = '5' b from customers
select id, ssn like '5%' b from customers
select id, contains(ssn, '5') b from customers
select id, nullif(ssn, '5') b from customers
select id, regexp_count(ssn, '5') b from customers
select 1 where exists (select 1 from customers where ssn = '1')
select id from customers where ssn = $1
select seq4() from table(generator(rowcount => 5)) where exists (select 1 from customers where ssn > '5')
select id from customers start with ssn = '1' connect by prior id = id
select id from customers sample (10) seed (1) where ssn > '1'
select id from customers where 1 = iff(ssn = '1', 1, 0)
select id from employees where (salary, id) = (1, 2)
select id from employees where salary is null or salary > 5
select 1 / (case when ssn = '1' then 0 else 1 end) from customers
select to_number(ssn) from customers
select ssn::int from customers
select cast(email as date) from customers
select to_date(ssn) from customers
select parse_json(ssn) from customers
select 1/iff(substr(ssn,1,1)='1',0,1) from customers where id=1
select 1 / length(ssn) from customers
select to_number(left(ssn, 1)) from customers where id = 1
select ssn + 1 from customers
select -ssn from customers
select ssn * 1 from customers
select sqrt(salary - 100) from employees
select ln(salary) from employees
select to_timestamp(email) from customers
select regexp_substr(email, phone) from customers
select to_geography(ssn) from customers
select to_boolean(ssn) from customers
select sum(ssn) from customers
select avg(email) from customers
select array_construct(1)[ssn] from customers
select decrypt(to_binary(ssn), 'k') from customers
select chr(length(ssn)) from customers
select to_char(1, ssn) from customers
select hex_decode_string(ssn) from customers
select object_construct(ssn, 1, email, 2) from customers
select date_from_parts(2020, length(ssn), 1) from customers
select mod(1, salary) from employees
select salary / 0 from employees
select to_xml(ssn) from customers
select to_decimal(ssn, 10, 2) from customers
select hired - salary from employees
select dateadd(day, salary, hired) from employees
select id from customers where id = to_number(ssn)
select id from customers where 1/0 = 1 and ssn = 'x'

-- Keys that mean an output by its place without being a plain number
select id, ssn from customers order by ? limit 3
select id, ssn from customers order by :1 limit 3
select id, ssn from customers order by (?) desc
select id, ssn from customers order by $v
select id, ssn from customers order by (2)
select ssn, id from customers union all select '1', 0 order by ?
select count(*) n, v from (select ssn v from customers where id = 7 union all select '716-96-5901') group by ?
select count(*), v from (select ssn v from customers where id = 7 union all select '716-96-5901') group by (2)
select count(*), v from (select ssn v from customers) group by ((2))
select count(*), v from (select ssn v from customers) group by rollup (2)
select count(*), v from (select ssn v from customers) group by cube (1, (2))
select count(*), v, c from (select ssn v, country c from customers) group by grouping sets ((2), (3))
select count(*), v, c from (select ssn v, country c from customers) group by (3, 2)

-- Functions that convert what they are given, or fail beyond a length
select bitor_agg(ssn) from customers
select editdistance(name, 'Bob') from customers
select insert(ssn, 1, 2, 'xx') from customers
