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

-- An alias of the select list, which a column of the query around stands behind
select count(*) n from customers c where exists (select 1 as ssn from products p where ssn = '575-82-0993') and id = 1
select exists (select 'x' as ssn from products p group by p.sku having ssn like '5%') from customers
select id, (select count(*) from (select 'a' as email from products) p where email like 'a%' and ssn > '5') n from customers
select id from customers where exists (select 1 as ssn from products group by ssn)
select id from customers where exists (select sku as ssn from products qualify row_number() over (order by ssn) = 1)

-- Steps in a session that an earlier one has changed
set t = 'CUSTOMERS' ->> select id, name from identifier($t)
use schema acme.hr ->> select id from orders
use database other ->> select id from orders
use role accountadmin ->> select 1
use warehouse huge_wh ->> select count(*) from orders
use secondary roles all ->> select 1
select 1 ->> use role accountadmin
unset t ->> select 1
alter session set timezone = 'UTC' ->> select 1
select 1 ->> alter session set query_tag = 'x' ->> select 2

-- Counts that are not of rows
select count(t.*) n from (select try_to_number(translate(substr(ssn,1,1),'5','x')) v from customers where id = 7) t
select id, count(t.*) n from (select id, strtok(notes, '575', 2) v from customers) t group by id
select t.id, count(t.*) over (partition by t.id) n from (select id, try_to_number(translate(substr(ssn,1,1),'5','x')) v from customers) t
select approx_count_distinct(*) n from (select ssn from customers where id = 7 union all select '575-82-0993')
select count(distinct *) n from (select ssn from customers where id = 7 union all select '575-82-0993')
select count(distinct t.*) n from (select substr(ssn,1,1) v from customers where id = 7 union all select '5') t
select hll(t.*) n from (select substr(ssn,1,1) v from customers where id = 7 union all select '5') t
select count(* exclude id) from (select 1 id, ssn from customers where id = 7 union all select 2, '5')

-- Rows that UNPIVOT leaves out
select id from (select id, try_to_number(translate(substr(ssn,1,1),'5','x')) as v from customers) unpivot (x for k in (v))
select id, k from (select id, get(split(notes, 'SSN 5'), 1)::varchar as v from customers) unpivot (x for k in (v))
select id from (select * from customers unpivot (x for k in (ssn, email))) unpivot (y for l in (x))

-- Conversions of elements
select array_construct(translate(substr(ssn,1,1),'5','x'))::array(int) v from customers where id = 7
select [ssn]::array(number) v from customers where id = 7
select cast(array_construct(ssn) as array(int not null)) v from customers
select split(ssn, '-')::array(int) from customers
select array_agg(ssn)::array(int) from customers
select {'a': ssn}::object(a int) v from customers
select object_construct('a', ssn)::map(varchar, int) v from customers
select array_append([1]::array(int), ssn) v from customers
select array_append(array_append([1]::array(int), 2), ssn) v from customers
select array_cat([1]::array(int), split(ssn, '-')) from customers
select array_cat(array_construct(), [1]::array(int)) || ssn, array_prepend(filter([1]::array(int), x -> true), ssn) from customers
select transform([ssn], x int -> x) v from customers
select transform(array_construct(ssn), (x int) -> 1) v from customers
select filter(array_construct(ssn), x boolean -> true) from customers
select conditional_true_event(left(ssn,1)) over (order by id) v from customers
select interpolate_linear(ssn) over (order by id) from customers
select sha1_binary(ssn) || ssn from customers
select concat(sha1_binary(ssn), ssn) from customers

-- Totals that overflow
select sum(v) s from (select salary as v from employees where id = 7 union all select 99999999999999999999999999999999872999::number(38,0))
select avg(v) a from (select salary as v from employees where id = 7 union all select 99999999999999999999999999999999872999::number(38,0))
select sum(v) over (order by id) from (select 1 id, salary as v from employees where id = 7 union all select 2, 99999999999999999999999999999999872999::int)
select sum(case when id = 7 then salary else 99999999999999999999999999999999872999::int end) from employees where id in (7, 8)
select sum(v) from (select salary v from employees union all select amount::number(10,2) from orders)

-- Many texts in one
select listagg(v) from (select replace(ssn,'5','') v from customers where id = 7 union all select repeat('x',1900) from orders)
select array_agg(v) from (select replace(ssn,'5','') as v from customers where id = 7 union all select repeat('x',1900) from orders)
select length(listagg(translate(ssn, '5', ''))) from customers
select array_unique_agg(trim(ssn, '5')) from customers
select replace(notes, 'e', repeat('x', 39000)) v from customers where id = 7

-- A text cut to one character may fail
select notes::char v from customers
select cast(ssn as character) v from customers
select profile:tier::char v from customers

-- What the first rows of a recursion leave room for
with recursive r(n, v) as (select 1, 'x' union all select n + 1, (select max(replace(substr(ssn,1,1),'5','ab')) from customers where id = 7) from r where n < 3) select n from r

with recursive r(n, v) as (select 1, 'x' union all select n + 1, (select max(ssn) from customers where id = 7) from r where n < 3) select n from r
with recursive r(n, v) as (select 1, left(ssn, 1) from customers where id = 7 union all select n + 1, v || v from r where n < 3) select n from r

-- What somebody wrote about an object
show tables ->> select "name" from $1 where "comment" like '5%'
show views ->> select "name" from $1 order by "text"

-- Reading that changes something
select * from orders for update
select s.nextval from products

-- More than its length allows
select c0,c1,c2,c3,c4,c5,c6,c7,c8,c9,c10,c11,c12,c13,c14,c15,c16,c17,c18,c19,c20,c21,c22,c23,c24,c25,c26,c27,c28,c29,c30,c31,c32,c33,c34,c35,c36,c37,c38,c39 from u0,u1,u2,u3,u4,u5,u6,u7,u8,u9,u10,u11,u12,u13,u14,u15,u16,u17,u18,u19,u20,u21,u22,u23,u24,u25,u26,u27,u28,u29,u30,u31,u32,u33,u34,u35,u36,u37,u38,u39,u40,u41,u42,u43,u44,u45,u46,u47,u48,u49,u50,u51,u52,u53,u54,u55,u56,u57,u58,u59,u60,u61,u62,u63,u64,u65,u66,u67,u68,u69,u70,u71,u72,u73,u74,u75,u76,u77,u78,u79,u80,u81,u82,u83,u84,u85,u86,u87,u88,u89,u90,u91,u92,u93,u94,u95,u96,u97,u98,u99,u100,u101,u102,u103,u104,u105,u106,u107,u108,u109,u110,u111,u112,u113,u114,u115,u116,u117,u118,u119,u120,u121,u122,u123,u124,u125,u126,u127,u128,u129,u130,u131,u132,u133,u134,u135,u136,u137,u138,u139,u140,u141,u142,u143,u144,u145,u146,u147,u148,u149,u150,u151,u152,u153,u154,u155,u156,u157,u158,u159,u160,u161,u162,u163,u164,u165,u166,u167,u168,u169,u170,u171,u172,u173,u174,u175,u176,u177,u178,u179,u180,u181,u182,u183,u184,u185,u186,u187,u188,u189,u190,u191,u192,u193,u194,u195,u196,u197,u198,u199,u200,u201,u202,u203,u204,u205,u206,u207,u208,u209,u210,u211,u212,u213,u214,u215,u216,u217,u218,u219,u220,u221,u222,u223,u224,u225,u226,u227,u228,u229,u230,u231,u232,u233,u234,u235,u236,u237,u238,u239,u240,u241,u242,u243,u244,u245,u246,u247,u248,u249,u250,u251,u252,u253,u254,u255,u256,u257,u258,u259,u260,u261,u262,u263,u264,u265,u266,u267,u268,u269,u270,u271,u272,u273,u274,u275,u276,u277,u278,u279,u280,u281,u282,u283,u284,u285,u286,u287,u288,u289,u290,u291,u292,u293,u294,u295,u296,u297,u298,u299,u300,u301,u302,u303,u304,u305,u306,u307,u308,u309,u310,u311,u312,u313,u314,u315,u316,u317,u318,u319,u320,u321,u322,u323,u324,u325,u326,u327,u328,u329,u330,u331,u332,u333,u334,u335,u336,u337,u338,u339,u340,u341,u342,u343,u344,u345,u346,u347,u348,u349,u350,u351,u352,u353,u354,u355,u356,u357,u358,u359,u360,u361,u362,u363,u364,u365,u366,u367,u368,u369,u370,u371,u372,u373,u374,u375,u376,u377,u378,u379,u380,u381,u382,u383,u384,u385,u386,u387,u388,u389,u390,u391,u392,u393,u394,u395,u396,u397,u398,u399
