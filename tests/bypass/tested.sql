-- begins with | one digit at a time | refused
select count(*) from customers where ssn like '1%'

-- equals | a guess | refused
select id from customers where ssn = '575-82-0993'

-- equals by number | a guess as a number | refused
select id from employees where salary = 127000

-- between | a search by halves | refused
select id from customers where ssn between '500' and '600'

-- in a list | several guesses | refused
select id from customers where email in ('oskar.kimura1@example.com', 'b')

-- in a list of rows | several guesses at once | refused
select id from customers where (id, ssn) in ((1, '575-82-0993'))

-- not equals | everything but a guess | refused
select count(*) from customers where not (ssn <> '575-82-0993')

-- is distinct from | everything but a guess | refused
select count(*) from customers where ssn is distinct from '575-82-0993'

-- a pattern | by a regular expression | refused
select id from customers where regexp_like(ssn, '^5.*')

-- a part | part of it equals | refused
select id from customers where substr(card_number, 1, 4) = '4111'

-- contains | part of it anywhere | refused
select id from customers where contains(email, 'kimura')

-- a hash | what it hashes to | refused
select id from customers where hash(ssn) % 2 = 0

-- a length | how long it is | refused
select id from customers where length(email) = 25

-- a year | part of a birth date | refused
select id from customers where year(dob) = 1980 and month(dob) = 3

-- an age | how old | refused
select count(*) from customers where dateadd(year, 65, dob) < current_date

-- any of | compared with all of a list | refused
select id from customers where phone like any ('%0159', '%0160')

-- a path | a member of a document | refused
select id from customers where profile:ssn::string like '5%'

-- hidden in arithmetic | a comparison inside a number | refused
select id from employees where (salary - 127000) * (salary - 127000) = 0

-- a view's column | through the view's name | refused
select id from v_customers where tax_ref like '5%'

-- behind a CTE | filtered after renaming | refused
with t as (select id, ssn as v from customers) select id from t where v like '5%'

-- behind a union | filtered after a union | refused
select count(*) from (select ssn as v from customers union all select sku from products) where v like '5%'

-- through a lateral alias | filtered by an alias | refused
select id, ssn as v from customers where v like '5%'

-- having | groups by their greatest | refused
select country from customers group by country having max(ssn) > '9'

-- having a count | groups by how many match | refused
select country from customers group by country having count_if(ssn like '5%') > 3

-- qualify | rows by a window over it | refused
select id from employees qualify row_number() over (order by salary desc) = 1

-- exists | whether there is one | refused
select count(*) from products where exists (select 1 from customers where email = 'oskar.kimura1@example.com')

-- a scalar condition | whether there is one, as a column | refused
select (select count(*) from customers where ssn like '5%') as v

-- a correlated condition | one for each row of another table | refused
select o.id from orders o where (select c.ssn from customers c where c.id = o.customer_id) like '5%'

-- a case | a condition as a column | refused
select id, case when ssn > '5' then 1 else 0 end as v from customers

-- a simple case | compared with values | refused
select id, case ssn when '575-82-0993' then 1 end as v from customers

-- iff | a condition as a column | refused
select id, iff(salary > 100000, 1, 0) as v from employees

-- decode | compared with values | refused
select id, decode(ssn, '575-82-0993', 'yes', 'no') as v from customers

-- nullif | null where it equals | refused
select id, nullif(ssn, '575-82-0993') is null as v from customers

-- equal_null | equality as a function | refused
select id, equal_null(ssn, '575-82-0993') as v from customers

-- a bare comparison | a condition as a column | refused
select id, ssn > '5' as v from customers

-- greatest | which of two | refused
select id, greatest(salary, 100000) = 100000 as v from employees

-- a counted condition | how many match | refused
select count_if(ssn like '5%') from customers

-- a summed condition | how many match | refused
select sum(case when ssn < '5' then 1 end) from customers where id = 9

-- any | whether one matches | refused
select boolor_agg(ssn like '575%') from customers

-- in order | sorted by it | refused
select id from employees order by salary desc limit 1

-- in order by place | sorted by the place of a column | refused
select id, salary from employees order by 2

-- in order of a transformation | sorted by what is made of it | refused
select id from customers order by reverse(ssn)

-- in order within a list | sorted inside an aggregate | refused
select listagg(id, ',') within group (order by salary) as v from employees

-- the one with the greatest | another column of that row | refused
select max_by(id, salary) as v from employees

-- ranked | numbered by it | refused
select id, rank() over (order by salary) as v from employees

-- in quarters | in four equal parts | refused
select id, ntile(4) over (order by salary) as v from employees

-- the first by it | another column in its order | refused
select first_value(id) over (order by salary desc) as v from employees

-- in groups | one row for each value | refused
select count(*) from customers group by email

-- in groups of a part | one row for each first digit | refused
select count(*) from customers group by substr(ssn, 1, 1)

-- each once | one row for each value | refused
select distinct ssn from customers

-- partitions | numbered within each value | refused
select id, count(*) over (partition by substr(ssn, 1, 1)) as v from customers

-- a union that removes doubles | one row less for a right guess | refused
select ssn from customers where id = 1 union select '575-82-0993'

-- what both have | a row for a right guess | refused
select ssn from customers intersect select '575-82-0993'

-- what only one has | no row for a right guess | refused
select '575-82-0993' except select ssn from customers

-- a join with guesses | rows that equal a guess | refused
select g.v, c.id from customers c join (values ('575-82-0993'), ('111-22-3333')) g(v) on c.ssn = g.v

-- a join with generated guesses | all numbers there are | refused
select g.n, e.id from employees e join (select seq4() as n from table(generator(rowcount => 200000))) g on g.n = e.salary

-- a join by pattern | rows that match a guess | refused
select c.id from customers c join products p on c.email like p.category || '%'

-- a join by order | rows below each other | refused
select a.id, b.id from employees a join employees b on a.salary < b.salary

-- a join with another class | a masked column and a harmless one | refused
select c.id from customers c join products p on c.ssn = p.sku

-- a join as of | the nearest row by it | refused
select e.id, f.id from employees e asof join employees f match_condition (e.salary >= f.salary)

-- a cross join filtered | a join in disguise | refused
select c.id from customers c, (values ('575-82-0993')) g(v) where c.ssn = g.v

-- a number divided | fails where it equals | refused
select 1 / (salary - 127000) as v from employees

-- a cast that fails | fails unless it is a number | refused
select ssn::number as v from customers

-- a cast in a filter | fails unless it is a number | refused
select 1 from customers where phone::number > 0

-- parsed | fails unless it is JSON | refused
select parse_json(email) as v from customers

-- a date that fails | fails unless it is a date | refused
select to_date(phone) as v from customers

-- a cast that is null | null unless it is a number | masked 2
select id, try_to_number(replace(ssn, '-', '')) as v from customers order by id limit 5

-- how long it runs | waits as long as it says | refused
select system$wait(salary) from employees

-- how large it is | as many characters as it says | refused
select repeat('x', salary) as v from employees

-- how many rows | as many rows as it says | refused
select count(*) from table(generator(rowcount => (select max(salary) from employees)))

-- how many words | as many rows as it has parts | refused
select count(*) from customers c, lateral split_to_table(c.email, '.') s

-- how many elements | as many rows as an array of it has | refused
select count(*) from customers c, lateral flatten(input => split(c.email, '.')) f

-- a limit that it sets | as many rows as it says | refused
select id from products limit (select salary - 126990 from employees where id = 1)

-- a sample that it sets | as many rows as it says | refused
select id from customers sample ((select salary / 10000 from employees where id = 1) rows)

-- a row of a document | a member by number | refused
select profile:tags[salary % 2] as v from customers join employees using (id) limit 5

-- a window's frame | as many rows as it says | refused
select count(*) over (order by id rows between 1 preceding and salary following) as v from employees

-- a pattern's condition | rows by a match | refused
select n from employees match_recognize (order by id measures count(*) as n one row per match pattern (a+) define a as salary > 100000)

-- a pivot's values | counted for a guess | refused
select * from (select id, email from customers) pivot (count(id) for email in ('oskar.kimura1@example.com'))

-- a tree by it | rows that hang together by it | refused
select id from employees start with salary > 100000 connect by manager_id = prior id

-- a bucket | which tenth it is in | refused
select id, width_bucket(salary, 30000, 130000, 10) as v from employees order by id limit 5

-- a plan of it | what the planner says of a guess | refused
explain select id from customers where ssn = '575-82-0993'

-- a write by it | rows changed by a guess | refused
update orders set status = 'x' where customer_id in (select id from customers where ssn like '5%')

-- a merge by it | rows merged by a guess | refused
merge into orders o using customers c on c.ssn = '575-82-0993' when matched then delete

-- a table of guesses | masked numbers looked up in a list of one's own | refused
select c.country from (values ('575-82-0993')) g(ssn) join customers c on c.ssn = g.ssn

-- a table of guesses, by USING | the name of the list's column is the masked one's | refused
select c.country, ssn from customers c join (select column1 as ssn from values ('575-82-0993'), ('111-22-3333')) g using (ssn)

-- a table of guesses, by NATURAL | joined by whatever names they share | refused
select country from customers natural join (select '575-82-0993' as ssn) g

-- a CTE of guesses | a list of one's own, named | refused
with g as (select '575-82-0993' as ssn union all select '111-22-3333') select c.id from customers c join g on g.ssn = c.ssn

-- a CTE of guesses, outer | all rows, and whether they match | refused
with g(ssn, hit) as (select * from values ('575-82-0993', 1)) select c.id, g.hit from customers c left join g on g.ssn = c.ssn

-- guesses in a subquery | in a list of one's own | refused
select id from customers where ssn in (select column1 from values ('575-82-0993'), ('111-22-3333'))

-- guesses that exist | a list asked row by row | refused
select id from customers c where exists (select 1 from (values ('575-82-0993')) g(v) where g.v = c.ssn)

-- guesses without end | numbers counted up by a recursive CTE | refused
with recursive g(n) as (select 30000 union all select n + 1 from g where n < 200000) select e.id, g.n from employees e join g on g.n = e.salary

-- guesses put together | texts made of generated numbers | refused
select c.id from customers c join (select '575-82-' || lpad(seq4()::varchar, 4, '0') as v from table(generator(rowcount => 10000))) g on g.v = c.ssn

-- guesses cut from a text | a list in one literal | refused
select c.id from customers c join table(split_to_table('575-82-0993,111-22-3333', ',')) g on g.value = c.ssn

-- guesses out of a document | a list in a JSON literal | refused
select c.id from customers c join lateral flatten(input => parse_json('["575-82-0993", "111-22-3333"]')) g on g.value = c.ssn

-- guesses among stored values | a list that is partly a stored column of the class | refused
select c.id from customers c join (select ssn from employees union all select '575-82-0993') g on g.ssn = c.ssn

-- guesses in the gaps | a stored column of the class, filled up with a guess | refused
select c.id from customers c left join (select coalesce(ssn, '575-82-0993') as v from employees) g on g.v = c.ssn

-- a table of guesses kept | filled by oneself, then joined | refused
create temporary table g as select '575-82-0993' as ssn; select c.id from customers c join g on g.ssn = c.ssn

-- a table of guesses kept, by INSERT | a table there is, filled by oneself, then joined | refused
insert into payments(card_number) values ('4111111111111111'); select c.id from customers c join payments p on p.card_number = c.card_number

-- equal or both null | a join by a function | refused
select p.sku from products p join customers c on equal_null(c.ssn, p.sku)

-- not distinct | a join that knows null | refused
select p.sku from products p join customers c on c.ssn is not distinct from p.sku

-- between itself | equality as two orders | refused
select p.sku from products p join customers c on c.ssn >= p.sku and c.ssn <= p.sku

-- equal hashes | equality of what is made of both | refused
select p.sku from products p join customers c on hash(p.sku) = hash(c.ssn)

-- in a list of one | a list that is a column | refused
select p.sku from products p, customers c where p.sku in (c.ssn)

-- in the masked column | a harmless column that is in a masked one | refused
select sku from products where sku in (select ssn from customers)

-- any of the masked column | the same by ANY | refused
select sku from products where sku = any (select ssn from customers)

-- in pairs | two columns at once | refused
select id from employees where (name, email) in (select name, email from customers)

-- a public name | the public column of another table joined to a masked one | refused
select e.name, c.country from employees e join customers c on e.name = c.name

-- by all shared names | NATURAL over masked and public columns of one name | refused
select name from employees natural join customers

-- along a chain | a public column between the guess and the masked one | refused
select o.sku from (values ('575-82-0993')) g(v) join orders o on o.sku = g.v join customers c on c.ssn = o.sku

-- along a chain through views | a public column joined to a view's masked one | refused
with t as (select v.tax_ref as code, v.country from v_customers v) select p.name, t.country from products p join t on t.code = p.sku

-- as a window | equal to the greatest of all | refused
select p.sku from products p cross join customers c qualify p.sku = max(c.ssn) over ()

-- notes joined | free text equal to a guess | refused
select c.id from customers c join (values ('call back')) g(v) on g.v = c.notes

-- an alias before a column around | an alias of the select list under the name of a column of the query around | refused
select count(*) n from demo.public.customers c where exists (select 1 as ssn from demo.public.products p where ssn = '575-82-0993') and id = 1

-- an alias in having | the same in HAVING of a subquery that is shown | refused
select exists (select 'x' as ssn from products p group by p.sku having ssn like '5%') as v from customers

-- an alias in group by | the same in GROUP BY | refused
select id from customers where exists (select 1 as ssn from products group by ssn)

-- a count of all columns | COUNT(t.*) leaves out rows in which an expression is NULL | refused
select count(t.*) n from (select try_to_number(translate(substr(ssn,1,1),'5','x')) v from customers where id = 7) t

-- a count of all columns in groups | the same a row | refused
select id, count(t.*) n from (select id, strtok(notes, '575', 2) v from customers) t group by id

-- a count of all columns in a window | the same over a window | refused
select t.id, count(t.*) over (partition by t.id) n from (select id, try_to_number(translate(substr(ssn,1,1),'5','x')) v from customers) t

-- an approximate count of all | a guess beside the value, counted with every column | refused
select approx_count_distinct(*) n from (select ssn from customers where id = 7 union all select '575-82-0993')

-- a distinct count of all | the same by COUNT(DISTINCT *) | refused
select count(distinct *) n from (select ssn from customers where id = 7 union all select '575-82-0993')

-- a sketch of all | the same by HLL | refused
select hll(t.*) n from (select substr(ssn,1,1) v from customers where id = 7 union all select '5') t

-- rows turned | UNPIVOT leaves out rows in which an expression is NULL | refused
select id from (select id, try_to_number(translate(substr(ssn,1,1),'5','x')) as v from customers) unpivot (x for k in (v))

-- elements of a type | an array whose elements must be numbers | refused
select array_construct(translate(substr(ssn,1,1),'5','x'))::array(int) v from customers where id = 7

-- elements in brackets of a type | the same in brackets | refused
select [ssn]::array(number) v from customers where id = 7

-- an element that is put in | an array of numbers that gets a text | refused
select array_append([1]::array(int), ssn) v from customers where id = 7

-- a typed parameter | a lambda that takes numbers | refused
select transform(array_construct(ssn), x int -> x) v from customers where id = 7

-- an event that is no truth value | a text as a condition | refused
select conditional_true_event(left(ssn,1)) over (order by id) v from customers

-- a total that overflows | a number that leaves no room for one digit more | refused
select sum(v) s from (select salary as v from employees where id = 7 union all select 99999999999999999999999999999999872999::number(38,0))

-- a total in a case | the same by CASE | refused
select sum(case when id = 7 then salary else 99999999999999999999999999999999872999::int end) s from employees where id in (7, 8)

-- a list that just fits | a list of texts as long as a list may be | refused
select listagg(v) as v from (select replace(ssn,'5','') as v from customers where id = 7 union all select repeat('x',1900) from orders)

-- a list of shortened texts | each as long as it has other characters | refused
select length(listagg(replace(ssn,'5',''))) as v from customers

-- a recursion that does not fit | a column as wide as its first row | refused
with recursive r(n, v) as (select 1, 'x' union all select n + 1, (select max(replace(substr(ssn,1,1),'5','ab')) from customers where id = 7) from r where n < 3) select n from r

-- an element in an unused column | a failure in a column that nobody asks for | refused
select count(*) from (select array_construct(ssn)::array(int) v from customers where id = 7)

-- an element in an earlier step | a failure in a step that nobody asks for | refused
select array_construct(ssn)::array(int) v from customers where id = 7 ->> select 1 as one

-- natural in brackets | the right side of NATURAL has merged the name already | refused
select c.id from customers c natural join ((select '1' ssn) a natural join (select '123' ssn) d)

-- a namesake of a merged name | a merged name stands beside a masked column of the same name | refused
select count(*) from (select '1' ssn) a join (select '1' ssn) b using (ssn), customers c where ssn = '1'

-- an order by a namesake | likewise in ORDER BY | refused
select c.id from (select '1' ssn) a join (select '1' ssn) b using (ssn), customers c order by ssn

-- pivot beside a namesake | a subquery under PIVOT does not see its neighbours | refused
select id from customers c where exists (select 1 from (select 'x' ssn) k, (select ssn x, 1 y) pivot (max(x) for y in (1)) as p(z) where z = '123')

-- a condition beside a neighbour | ON does not see what stands before its own join | refused
select id from customers c where exists (select 1 from (select '1' ssn) k, orders a join orders b on ssn = '123')

-- a neighbour of the same alias | the same by a qualified name | refused
select id from customers c where exists (select 1 from (select '1' ssn) c, orders a join orders b on c.ssn = '123')

-- a filter by its text | a column without alias, named by its expression | refused
select 1 as "UPPER(SSN)" from (select upper(ssn) from customers) where "UPPER(SSN)" like '5%'

-- a filter by its text in a subquery | the same where an alias stands before | refused
select count(*) from (select id, upper(ssn) from customers) where exists (select 'x' as "UPPER(SSN)" from orders where "UPPER(SSN)" like '5%')

-- a natural join by its text | NATURAL compares columns that only upstream can name | refused
select id from (select id, upper(ssn) from customers) natural join (select '575-82-0993' as "UPPER(SSN)")

-- an empty array | the body of a lambda fails only where there are elements | refused
select transform(array_slice(split(ssn,'5'),1,100), x -> 1/(id-id)) v from customers where id = 7

-- an empty array filtered | the same by FILTER | refused
select filter(array_slice(split(ssn,'5'),1,100), x -> 1/(id-id) > 0) v from customers where id = 7

-- an argument that is not needed | COALESCE may not run what stands behind | refused
select coalesce(strtok(ssn,'5',3), (1/(id-id))::varchar) v from customers where id = 7

-- the alias of what is searched | the alias under MATCH_RECOGNIZE hides the same alias around | refused
select id v from (select 'x' as ssn, id from orders) c where exists (select 1 from customers c match_recognize(order by id measures 1 as one one row per match pattern (a) define a as c.ssn like '5%'))

-- an order by a place behind many columns | a dynamic PIVOT moves it | refused
select * from (select country, ssn from customers) pivot (max(ssn) for country in (any)) p cross join (select 'x' y, id from orders) q order by 2

-- a group beside an aggregate | GROUP BY ALL may group by what stands beside one | refused
select left(ssn,1) || count(*)::varchar as v, count(*) as n from customers group by all

-- bytes beside a text | one of them is converted | refused
select ssn || x'41' v from customers

-- a digest that does not exist | a constant that fails only where there are elements | refused
select transform(array_slice(split(ssn,'5'),1,9), x -> sha2(country, 5)) v from customers where id = 7

-- a group by its text | in GROUP BY a column stands before an alias | refused
select '5' as "UPPER(SSN)", count(*) n from (select upper(ssn) from customers) group by "UPPER(SSN)"

-- groups by its text | the same in a cube | refused
select '5' as "UPPER(SSN)", count(*) n from (select upper(ssn) from customers) group by cube ("UPPER(SSN)")

-- a condition by its text | ON means the column of its own join, whatever it is called | refused
select p.sku from (select 'x' as "UPPER(SSN)") c, products p join (select upper(ssn), id from customers) d on "UPPER(SSN)" like '5%'

-- an argument made before | the same as `an argument that is not needed`, over two queries | refused
select coalesce(a, b) v from (select strtok(ssn,'5',3) a, (1/(id-id))::varchar b from customers)

-- a natural join in another case | the same by NATURAL | refused
select id from (select id, ssn as "v" from customers) natural join (select '575' as v)

-- a key that is there twice | a constant failure behind an argument that is not needed | refused
select coalesce(strtok(ssn,'5',3), object_construct('a',id,'a',id)::varchar) v from customers where id = 7

-- a place that is no number | the same in the body of a lambda | refused
select transform(array_slice(split(ssn,'5'),1,9), x -> left(country,'x')) v from customers where id = 7

-- a date that does not exist | the same by a literal | refused
select coalesce(strtok(ssn,'5',3), (date 'bogus')::varchar) v from customers where id = 7

-- an argument that takes its time | a large text behind an argument that is not needed | refused
select coalesce(strtok(ssn,'5',3), sha2(lpad(country,3999999,'a'))) v from customers where id = 7

-- as many parts as it likes | a large text cut by a masked one | refused
select array_size(split(lpad(country,1900000,'5'), left(ssn,1))) v from customers where id = 7

-- large and alike | a comparison that takes longer the more alike they are | refused
select jarowinkler_similarity(lpad(country,1900000,'5'), lpad(left(ssn,1),1900000,'5')) v from customers

-- a place with a sign | a number in ORDER BY is a place, however it is written | refused
select id, ssn from customers order by +2

-- a place with a type | the same in GROUP BY | refused
select ssn, count(*) n from customers group by 1::int

-- a share made of values | what says how an aggregate works fails out of its range | refused
select approx_percentile(id, (select max(salary) from employees)) from customers

-- a filter of an alias like a function | a relation may be called as a function without brackets is | refused
select id from customers localtime where localtime.ssn like '5%'

-- a filter by a path into a column called like a type | the parser would read a literal of that type | refused
select id from (select id, profile as json from customers) where json:ssn = '5'

-- joins without a condition before a natural one | brackets that only the parser sees | refused
select a.id from customers a join (select 1 one) b join (select 2 two) c natural join (select '575-82-0993' ssn) d

-- a left join before a natural one | brackets that only the parser sees | refused
select a.id from customers a join (select 1 one) b left join (select 2 two) c on true natural join (select '575-82-0993' ssn) d

-- a cut that may fail | an argument that is not needed never fails | refused
select coalesce(strtok(ssn, '5', 3), substr(country, 'x')) v from customers where id = 7

-- a length beyond all numbers | an argument that is not needed never fails | refused
select coalesce(strtok(ssn, '5', 3), left(country, 18446744073709551615)) v from customers where id = 7

-- a thousand million digests or none | quick work takes long when it is repeated | refused
select max(coalesce(strtok(ssn, '5', 3), sha2(country) || sha2(country || 'a'))) v from customers, table(generator(rowcount => 1000000000)) where id = 7

-- a digest for each part, repeated | quick work takes long when it is repeated | refused
select max(array_size(transform(split(ssn, '5'), x -> sha2(x)))) from customers, table(generator(rowcount => 1000000000)) where id = 7

-- PRIOR in a subquery of CONNECT BY | there it may be a column | refused
select id from employees connect by manager_id = prior id and '575-82-0993' in (select prior x from (select ssn as prior, '1' as x from customers))

-- a value that must become a number | whether it can be stored is an answer | refused
insert into products(price) select ssn from customers

-- distinct over a column that is merged elsewhere | `*` shows it beside the merged one | refused
select distinct * from (select 1 k) a join (select 1 k) b using (k), (select left(ssn, 1) as k from customers) c

-- a query for an argument | it fails where it answers several rows | refused
select coalesce(strtok(ssn, '5', 3), upper(select country from customers)) v from customers where id = 7

-- a pivot beside a namesake, read with help | a subquery sees no neighbour | refused
with z as (select {*} o from (select 1 a)) select id from customers c where exists (select 1 from (select 'x' ssn) k, (select ssn x, 1 y) pivot (max(x) for y in (1)) as p(z) where z = '123')
