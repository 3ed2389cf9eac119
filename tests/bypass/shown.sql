-- plain | the column itself | masked 2
select id, ssn from customers order by id limit 5

-- harmless alias | the column under a harmless name | masked 2
select id, ssn as ref_code from customers order by id limit 5

-- swapped aliases | each column under the other's name | masked 1
select ssn as "country", country as "ssn" from customers limit 5

-- quoted name | a name in another spelling of the same | masked 1
select "SSN" from customers limit 5

-- other case | words in any case | masked 1
SeLeCt SsN fRoM cUsToMeRs LiMiT 5

-- comments inside | comments between the words | masked 2
select/**/id,/* country */ssn/* as country */from/**/customers-- where 1 = 0
limit 5

-- no space | nothing between quotes and words | masked 2
select 1 a,"SSN"b from"CUSTOMERS"limit 5

-- no-break spaces | spaces that are none in ASCII | refused or masked 1
select⟦00A0⟧ssn⟦3000⟧from⟦2003⟧customers⟦00A0⟧limit 5

-- zero-width letters | a letter that nobody sees in a name | refused
select s⟦200B⟧sn from customers limit 5

-- a Cyrillic letter | a name that looks like the column's | refused
select s⟦0455⟧n from customers limit 5

-- a table alias | the column of an alias | masked 1
select c.ssn from customers as c limit 5

-- a column alias list | other names for all columns | masked 4
select t.a, t.b, t.c, t.d from (select id, country, segment, ssn from customers) as t(a, b, c, d) limit 5

-- an alias of an alias | an alias used sideways | masked 1,2
select ssn as a, a as b from customers limit 5

-- an alias that shadows | an alias named like a harmless column, used sideways | masked 1 or masked 1,2 or refused
select ssn as country, country || '' as v from customers limit 5

-- a CTE | the column out of a common table expression | masked 1
with t as (select ssn as v from customers) select v from t limit 5

-- a CTE of a CTE | three levels of renaming | masked 1
with a as (select ssn as x from customers), b as (select x as y from a) select y as z from b limit 5

-- a CTE named like a table | a name with two meanings | masked 1
with products as (select name from customers) select name from products limit 5

-- a recursive CTE | a value carried through recursion | masked 2
with recursive r(n, v) as (select 1, max(email) from customers union all select n + 1, v from r where n < 3) select n, v from r

-- a derived table | the column out of a subquery | masked 1
select v from (select ssn as v from customers) limit 5

-- a scalar subquery | one value in the select list | masked 2
select id, (select max(ssn) from customers) as v from orders limit 5

-- a correlated subquery | a value for each row of another table | masked 2
select o.id, (select max(c.ssn) from customers c where c.id = o.customer_id) as v from orders o limit 5

-- a union | below a harmless column | masked 1
select name from products union all select ssn from customers limit 5

-- a union in another order | below a harmless column, one of two | masked 2
select country, segment from customers union all select country, ssn from customers limit 5

-- a union by name | harmless names for the wrong columns | refused
select segment as v, ssn as w from customers union by name select ssn as v, segment as w from customers

-- a view | the columns of a view under its names | masked 1,2
select tax_ref, contact, country from v_customers limit 5

-- a view of a view's name | a view joined with itself | masked 1
select a.contact from v_customers a join v_customers b on a.id = b.id limit 5

-- a star | everything there is | masked 2,3,4,5,6,7,10
select * from customers limit 5

-- a star without some | everything but a few | masked 2
select * exclude (name, email, card_number, dob, phone, notes, profile) from customers limit 5

-- a star with other names | a sensitive column under a harmless name | masked 2
select * rename (ssn as code) from (select id, ssn from customers) limit 5

-- a star with a replacement | a sensitive value under a harmless name | masked 2,3
select * replace (ssn as country) from (select id, country, ssn from customers) limit 5

-- a star by pattern | columns by how they are named | masked 1
select * ilike 's_n' from customers limit 5

-- a qualified star | everything of one side of a join | masked 2,3,4,5,6,7,10
select c.* from orders o join customers c on c.id = o.customer_id limit 5

-- a star in an object | every column in one value | masked 1
select object_construct(*) as v from customers limit 5

-- a place instead of a name | the fourth column of the table | masked 1
select $4 from customers limit 5

-- a join's own column | a merged column of USING | masked 1
select card_number from payments join customers using (card_number) limit 5

-- a cut | part of it | masked 2
select id, substr(ssn, 1, 3) as v from customers order by id limit 5

-- two cuts | its parts in two columns | masked 1,2
select left(card_number, 8) as a, right(card_number, 8) as b from customers limit 5

-- reversed | backwards | masked 1
select reverse(ssn) as v from customers limit 5

-- replaced | without what the detectors look for | masked 1
select replace(ssn, '-', '') as v from customers limit 5

-- translated | other characters for the digits | masked 1
select translate(ssn, '0123456789', 'abcdefghij') as v from customers limit 5

-- in hexadecimal | another spelling | masked 1
select hex_encode(ssn) as v from customers limit 5

-- in base64 | another spelling | masked 1
select base64_encode(email) as v from customers limit 5

-- hashed | what a dictionary undoes | masked 1
select md5(ssn) as v from customers limit 5

-- hashed to a number | what a dictionary undoes | masked 1
select hash(phone) as v from customers limit 5

-- joined with other text | inside a longer value | masked 1
select 'x' || id || ':' || ssn as v from customers limit 5

-- a fallback | only where another is absent | masked 1
select coalesce(null, nvl(null, ssn)) as v from customers limit 5

-- its length | how long it is | masked 2
select id, length(email) as v from customers order by id limit 5

-- its first letter's number | one character as a number | masked 1
select ascii(email) as v from customers limit 5

-- a distance | how far from a guess | refused
select id, editdistance(email, 'ana.adler@example.com') as v from customers order by id limit 5

-- how it sounds | what it sounds like | masked 1
select soundex(name) as v from customers limit 5

-- an aggregate | the greatest of all | masked 1
select max(ssn) as v from customers

-- a list | all of them in one value | masked 1
select listagg(email, ' ') as v from customers

-- an array | all of them in one value | masked 1
select array_agg(card_number) as v from payments

-- an average of one | groups of a single row | masked 2
select id, avg(salary) as v from employees group by id order by id limit 5

-- a window | the value of the row before | masked 2
select id, lag(ssn) over (order by id) as v from customers order by id limit 5

-- a frame of one row | a sum that is the value | masked 2
select id, sum(salary) over (order by id rows between current row and current row) as v from employees order by id limit 5

-- the least of two | the value or something greater | refused
select id, least(ssn, 'zzzz') as v from customers limit 5

-- an age | a birth date as a number | masked 2
select id, datediff('day', '1900-01-01', dob) as v from customers order by id limit 5

-- a month | part of a birth date | masked 2
select id, month(dob) as v from customers order by id limit 5

-- a JSON text | one member of an object | masked 1
select to_json(object_construct('a', ssn, 'b', country)) as v from customers limit 5

-- a path | a classified member of a document | masked 1
select profile:ssn::string as v from customers limit 5

-- a path in other letters | the same member, spelled otherwise | masked 1
select profile:Email::string as v from customers limit 5

-- a path in brackets | the same member, named by a text | masked 1
select profile['ssn']::string as v from customers limit 5

-- a computed path | a member whose name is put together | masked 1
select profile['em' || 'ail'] as v from customers limit 5

-- a deep path | a part of a classified member | masked 1
select profile:address.zip::string as v from customers limit 5

-- a path by function | the same member, asked for by function | masked 1
select get_path(profile, 'address.city') as v from customers limit 5

-- the document around it | all members at once | masked 1
select profile as v from customers limit 5

-- a lambda | each element of an array by a function | masked 1
select transform(array_construct(ssn, country), x -> upper(x)) as v from customers limit 5

-- unpivoted | columns as rows | masked 3
select id, k, v from customers unpivot (v for k in (ssn, email, phone)) limit 5

-- pivoted | a value in the cells | masked 2,3
select * from (select country, segment, ssn from customers) pivot (max(ssn) for segment in ('vip', 'partner')) limit 5

-- a pattern's measure | a value out of matched rows | masked 1
select s from customers match_recognize (order by id measures first(ssn) as s one row per match pattern (a+) define a as true)

-- flattened | the elements of an array of values | refused
select f.value as v from customers c, lateral flatten(input => array_construct(c.ssn, c.email)) f limit 5

-- time travel | the column as it was an hour ago | masked 1
select ssn from customers at (offset => -3600) limit 5

-- an own function | a function that nobody knows | refused
select demo.public.my_function(ssn) as v from customers limit 5

-- a model | text for a model to write about | refused
select snowflake.cortex.complete('m', 'repeat: ' || ssn) as v from customers limit 5

-- a mail | values in a message | refused
select system$send_email('int', 'a@example.com', 's', (select listagg(ssn) from customers))

-- encrypted | what its own key opens again | refused
select encrypt(ssn, 'key') as v from customers limit 5

-- compressed | other bytes | refused
select to_varchar(compress(ssn, 'SNAPPY'), 'hex') as v from customers limit 5

-- a formatted number | a number as words | refused
select to_varchar(salary, '999,999') as v from employees limit 5

-- arithmetic | a number moved by a known amount | refused
select id, salary * 2 + 1 as v from employees order by id limit 5

-- bits | a number bit by bit | refused
select id, bitand(salary, 1024) as v from employees order by id limit 5

-- its sign | a number compared by subtraction | refused
select id, sign(salary - 100000) as v from employees order by id limit 5

-- an alias before a column beside | a lateral subquery with an alias under the name of the column | masked 1
select l.x from customers c, lateral (select 'a' as ssn, ssn as x from products limit 1) l

-- an alias before a column around a subquery | the same in a scalar subquery | masked 2
select c.id, (select max(x) from (select 'a' as ssn, ssn as x from products)) as v from customers c limit 3

-- using again | a name that another join has merged is compared with a masked column | refused or masked 2
select c.id, d.ssn from (select '1' ssn) a join (select '1' ssn) b using (ssn), customers c join (select lpad(seq4()::varchar, 9, '0') ssn from table(generator(rowcount => 1000))) d using (ssn)

-- using in brackets | the right side of USING has merged the name already | refused or masked 2
select c.id, d.ssn from customers c join ((select '1' ssn) a join (select '123' ssn) d using (ssn)) using (ssn)

-- a place beside a merged name | a third relation's column of the merged name moves the places of the star | refused or masked 1
select upper($3) from (select * from (select 1 k) a join (select 1 k) b using (k) join (select 1 k, ssn, country from customers) c on true)

-- a name list over a merged star | an alias list names columns by places that nobody knows | refused or masked 1
select z from (select * from (select 1 k) a join (select 1 k) b using (k) join (select 1 k, ssn, country from customers) c on true) t(x, y, z)

-- a name list of WITH over a merged star | likewise in WITH | refused or masked 1
with t(x, y, z) as (select * from (select 1 k) a join (select 1 k) b using (k) join (select 1 k, ssn, country from customers) c on true) select z from t

-- places of a natural join | where NATURAL puts what it merges is not written down | refused or masked 1
select upper($2) from (select * from (select id, ssn, country from customers) natural join (select country, id from customers))

-- a union over a merged star | columns pair by places that nobody knows | refused or masked 1
select v from (select 1 a, 'x' v, 'y' w union all select * from (select 1 k) a join (select 1 k) b using (k) join (select 1 k, ssn from customers) c on true)

-- unpivot beside a namesake | a subquery under UNPIVOT does not see its neighbours | refused or masked 1
select l.v from customers c, lateral (select p.v from (select 'x' ssn) k, (select ssn x, 'a' y) unpivot (v for n in (x, y)) p) l

-- a later alias | a name that a later item of the select list takes | refused or masked 1
select l.v from customers c, lateral (select upper(country) as v, c.ssn as country) l

-- a column called by its text | upstream names a column without alias by its expression; an alias of that name stands behind it | refused or masked 2
select 'x' as "UPPER(SSN)", "UPPER(SSN)" as v from (select upper(ssn) from customers)

-- a column called by its text, around | likewise before a column of the query around | refused or masked 1
select v from (select 'x' as "UPPER(SSN)") k, lateral (select "UPPER(SSN)" as v from (select upper(ssn) from customers)) l

-- a column called by its place | `$4` as a name | refused or masked 2
select 'x' as "$4", "$4" as v from (select $4 from customers)

-- a pivoted value as a name | likewise a column of PIVOT | refused or masked 2
select 'x' as "'DE'", "'DE'" as v from (select country, ssn from customers) pivot (max(ssn) for country in (any))

-- matched by its text | UNION BY NAME makes both one column | refused or masked 1
select "UPPER(SSN)" as v from (select 'a' as "UPPER(SSN)" union all by name select upper(ssn) from customers)

-- excluded by its text | EXCLUDE moves the places of what follows | refused or masked 1
select $2 as v from (select * exclude ("UPPER(SSN)") from (select upper(ssn), country, ssn from customers))

-- not like its text | ILIKE moves them likewise | refused or masked 1
select $1 as v from (select * ilike 's%' from (select upper(country), ssn from customers))

-- like a letter beyond ASCII | how it is compared only upstream knows | refused or masked 1
select $1 v from (select * ilike '%ß%' from (select country as "SSX", ssn as "ßY" from customers))

-- replaced by its text | REPLACE puts a masked column in the place of another | refused or masked 1,2
select * replace (ssn as "UPPER(COUNTRY)") from (select upper(country), ssn from customers)

-- renamed by its text | RENAME names what had no name | refused or masked 2
select 'q' as a, a as v from (select * rename ("UPPER(SSN)" as a) from (select upper(ssn) from customers))

-- pivoted by its text | the columns that PIVOT uses up move the others | refused or masked 1
select $2 as v from (select * from (select upper(ssn), country, id from customers) pivot (max("UPPER(SSN)") for country in ('DE', 'FR')))

-- brackets around a name | whether they become part of it is not written down | refused or masked 2
select 'x' as ssn, ssn as v from (select (ssn) from customers)

-- a step called by its text | the same in a pipeline | refused or masked 2
select upper(ssn) from customers ->> select 'x' as "UPPER(SSN)", "UPPER(SSN)" as v from $1

-- a name given as a text | what upstream calls that column is not written down | refused or masked 1
select l.v from customers c, lateral (select ssn as v from (select identifier('ssn') from (select 'x' as ssn) k) m) l

-- a number written otherwise | a pivoted number may be called otherwise | refused or masked 1
select l.v from (select ssn as "1.50" from customers) c, lateral (select "1.50" v from (select 1.5 k, 2 x) pivot(max(x) for k in (1.50))) l

-- the alias of what is pivoted | it hides the same alias around | refused or masked 1
select l.v from (select 'x' as ssn) c, lateral (select "'vip'" v from (select ssn, name from customers) c pivot (max(c.ssn) for name in ('vip'))) l

-- a part of a date that is a column | DATE_TRUNC takes its arguments in either order | refused or masked 1
select date_trunc(d, 'month') v from (select dob d from customers)

-- somebody's own count | in quotes a name keeps its case | refused or masked 1
select "count"(ssn) v from customers

-- an alias that is a kind of join | DIRECTED behind a name is its alias | refused or masked 1
select l.v from (select 'x' as ssn) directed, lateral (select directed.ssn as v from customers directed join orders p on true) l

-- a stored table by its text | a text names what is stored, whatever WITH says | refused
with customers as (select 'x' as ssn) select ssn from table('customers')

-- a stored table by its name in a text | the same by IDENTIFIER | refused
with customers as (select 'x' as ssn) select ssn from identifier('CUSTOMERS')

-- a stored table as it was | only what is stored has a past | refused
with customers as (select 'x' as ssn) select ssn from customers at (offset => -60)

-- an alias of a bracketed join | it would have to see what stands before | refused
select z.v from (select 'x' as ssn) c, lateral (select t.v from customers c, ((select 1 one) a cross join lateral (select c.ssn as v) l) t) z

-- a place behind many columns | a dynamic PIVOT has as many columns as there are values | refused or masked 1
select $2 v from (select * from (select country, ssn from customers) pivot (max(ssn) for country in (any)) p cross join (select 'x' y) q)

-- names for many columns | a list of names gives them to what stands there | refused or masked 1
with t(a,b,c,d) as (select * from (select country, ssn from customers) pivot (max(ssn) for country in (any)) p cross join (select 'x' y,'y' z,'z' w) q) select b from t

-- an alias before many columns | the same where an alias has the name | refused or masked 2
select 'x' as c, c as v from (select country, ssn from customers) pivot (max(ssn) for country in (any)) as p(a, b, c)

-- a pivoted name with an alias | the alias of the aggregate is a part of it | refused or masked 2
select 'x' as "'DE'_M", "'DE'_M" as v from (select country, ssn from customers) pivot (max(ssn) as m for country in ('DE'))

-- a pivoted name without it | and so the name is another, and the column around is meant | refused or masked 1
select l.v from (select ssn as de from customers) c, lateral (select de as v from (select country, id from customers) pivot (count(id) as m for country in ('DE' as de))) l

-- a place in the past, turned | UNPIVOT keeps that nobody knows where columns stood | refused or masked 1
select upper($8) v from customers at(offset => -86400) unpivot (v for n in (segment))

-- a place of a star, turned | the same behind USING | refused or masked 1
select upper($3) v from (select * from (select 1 k) a join (select 1 k, ssn, country from customers) b using (k)) unpivot (z for n in (k))

-- two aliases of one name | which one upstream means is not written down | refused or masked 1,3
select ssn as a, 'x' as a, a as v from customers

-- a lateral subquery of a later join | it may not see what stands before that join | refused or masked 1
select l.v from customers c, lateral (select l.v from (select 'x' as ssn) c, orders p join lateral (select c.ssn as v) l on true) l

-- the name of what is turned | without an alias UNPIVOT keeps the name of its table | refused or masked 1
select v from (select 'x' as v) orders, lateral (select orders.v from orders unpivot (v for n in (ship_address)))

-- the name of what is pivoted | the same of PIVOT | refused or masked 1
select v from (select 'x' as "'open'") o, lateral (select o."'open'" as v from orders o pivot(max(ship_address) for status in ('open')))

-- the name of what is searched | the same of MATCH_RECOGNIZE | refused or masked 1
select v from (select 'x' as ship_address) orders, lateral (select orders.ship_address v from orders match_recognize (order by id measures 1 as q all rows per match pattern (a) define a as true))

-- a namesake of what is excluded | EXCLUDE may drop both | refused or masked 1
select $2 v from (select * exclude ("UPPER(SSN)") from (select upper(ssn), 'q' as "UPPER(SSN)", country, ssn from customers))

-- the name of a scalar subquery | it may be that of its column | refused or masked 2
select 'x' as ssn, ssn as v from (select (select max(ssn) ssn from customers))

-- names that differ in case | whether they are one is a setting of the account | refused or masked 1
select "v" x from (select 'x' as "v" union all by name select ssn as v from customers)

-- an alias like a function | a relation may be called as a function without brackets is | refused or masked 1
select localtime.ssn from customers localtime

-- an alias like a constant | or as a constant is | refused or masked 1
select true.ssn from customers true

-- a common table like a function | the same by WITH | refused or masked 1
with localtime as (select ssn from customers) select (localtime).ssn from localtime

-- an alias that takes FROM | COLLATE takes no word but a text | refused or masked 1
select l.v from (select 'x' as collate) q, lateral (select collate as v from (select ssn collate from customers) z) l

-- a column called PERCENT | TOP takes a number alone | refused or masked 1
select top 10 percent id from (select ssn as percent, 1 as id from customers)

-- a column called like a type | a text behind it is an alias | refused or masked 1
select text 'x' from (select ssn as text from customers)

-- a path into a column called like a type | the parser would read a literal of that type | refused or masked 1
select json:ssn from (select profile as json from customers)

-- the same behind a cast | the same | refused or masked 1
select upper(text:ssn::varchar) v from (select profile as text from customers)

-- an element of a column called ARRAY | Snowflake has no such literal | refused or masked 1
select array[0] from (select split(ssn,'') as array from customers)

-- a column called INTERVAL | before anything but a text it is a column | refused or masked 1
select interval id from (select ssn as interval, 1 as id from customers)

-- a column called CONNECT_BY_ROOT | without CONNECT BY it is a column | refused or masked 1
select connect_by_root - 1 from (select salary as connect_by_root from employees)

-- a common table twice | which one is meant is not written down | refused
with a as (select ssn from customers), a as (select 'x' ssn) select ssn from a

-- a constant's name | upstream calls a column made by `current_date` CURRENT_DATE | refused or masked 1,2
select * replace (ssn as current_date) from (select current_date, ssn from customers)

-- a truth's name | upstream calls a column made by `true` TRUE | refused or masked 1
select $2 from (select * exclude ("TRUE") from (select true, 'q' as "TRUE", country, ssn from customers))

-- a constant's name in a union by name | which columns meet cannot be told | refused or masked 1
select $3 v from (select current_date as "CURRENT_DATE", country as b from customers union all by name select current_date, ssn as y, country as z from customers)

-- an alias called SEMANTIC_VIEW | with a list of columns it is no semantic view | refused or masked 1
select l.v, m.o from (select 'x' as b) q, lateral (select b as v from (select id, ssn from customers) semantic_view (a, b)) l, (select {*} o from (select 1 a)) m

-- an alias called GLOBAL | Snowflake has no global joins | refused or masked 1
select l.v from (select 'x' as ssn) global, lateral (select global.ssn as v from customers global full join orders o on true) l

-- PRIOR in a select list | in a hierarchical query it is an operator | refused or masked 1
select prior ssn from (select id, manager_id, ssn, 1 as prior from employees) start with id = 1 connect by manager_id = prior id

-- CONNECT_BY_ROOT within an expression | in a hierarchical query it is an operator | refused or masked 1
select '' || connect_by_root ssn from (select id, manager_id, ssn, 'x' as connect_by_root from employees) start with id = 1 connect by manager_id = prior id

-- a star of a neighbour's alias | a relation outside the join may not be meant | refused
select l.* from customers c, lateral (select l.* from (select 'x' as ssn) c, orders p join lateral (select c.*) l on true) l

-- OVER for an alias | a window that nobody defined may be an alias before another clause | refused or masked 1
select l.v from (select 'x' as ssn) q, lateral (select ssn as v, count(*) over from customers) l

-- a subquery without a name | like a column that upstream may call anything | masked 2
select id, (select max(ssn) from customers) from orders where id = 1

-- brackets around a column | like a column that upstream may call anything | masked 1
select (ssn) from customers where id = 1

-- a suffix of a type | Snowflake has no UNSIGNED, so it is an alias | refused or masked 1,2
select * replace (ssn as unsigned) from (select id::int unsigned, ssn from customers)

-- ARRAY behind a type | it is an alias | refused or masked 1,2
select * replace (ssn as array) from (select country::varchar array, ssn from customers)

-- a unit behind an interval | it may be an alias | refused or masked 1,2
select * replace (ssn as day) from (select interval '1 day' day, ssn from customers)

-- a column that is merged elsewhere | `*` shows it beside the merged one | refused or masked 1
with t(a, b) as (select * from (select 1 k) a join (select 1 k) b using (k), (select ssn as k from customers) c) select b from t

-- a column that is merged elsewhere, in a union | `*` shows it beside the merged one | refused or masked 1
select v from (select 1 a, 'x' v union all select * from (select 1 k) a natural join (select 1 k) b, (select ssn as k from customers) c)

-- a text for an alias | whether it keeps its case is not written down | refused or masked 1
select l.v from (select 'x' as zz) q, lateral (select zz as v from (select ssn 'zz' from customers)) l

-- a text for a table's alias | whether it keeps its case is not written down | refused
select l.v from (select 'x' as ssn) q, lateral (select q.ssn as v from customers as 'q') l

-- FROM FIRST behind any bracket | only NTH_VALUE counts from there | refused or masked 1
select l.*, m.o from (select 'x' as ssn) q, lateral (with first as (select ssn from customers) select max(ssn) from first over (ssn) window ssn as (partition by 1)) l, (select {*} o from (select 1 a)) m

-- a pivot of an expression | which columns it uses up is not written down | refused or masked 1
select $2 v from (select id, country, segment, ssn from customers) pivot (max(ssn), max($1) for segment in ('a'))

-- a renamed column for an alias | a later item may mean it | refused or masked 1
select l.v from (select 'x' as zz) q, lateral (select * rename (ssn as zz), zz as v from customers) l

-- places of all rows of a pattern | their order is not written down | refused or masked 1
select $8 v from customers match_recognize (partition by country order by id measures 1 as q all rows per match pattern (a) define a as true)

-- a pattern over a subquery beside a namesake | a subquery sees no neighbour | refused or masked 1
select l.v from customers c, lateral (select m.v from (select 'x' ssn) k, (select ssn as x, 1 i) match_recognize (order by i measures first(x) as v one row per match pattern (a) define a as true) m) l

-- an unpivot beside a namesake, read with help | a subquery sees no neighbour | refused or masked 1
with z as (select {*} o from (select 1 a)) select l.v from customers c, lateral (select p.v from (select 'x' ssn) k, (select ssn x, 'a' y) unpivot (v for n in (x, y)) p) l

-- a zero in a name | names of the reader's own begin with it | refused
select ssn from customers ->> with "⟦0000⟧$1" as (select 'x' as ssn) select ssn from $1
