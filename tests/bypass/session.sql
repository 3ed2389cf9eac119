-- a variable | a value kept and shown | refused
set x = (select ssn from customers where id = 1); select $x as v

-- a variable in a filter | a value kept and compared | refused
set x = (select max(salary) from employees); select id from products where price < $x

-- a variable as a name | a table named by a variable | masked 1
set t = 'CUSTOMERS'; select ssn from identifier($t) limit 5

-- a variable of two | two variables at once | refused
set (a, b) = (select ssn, email from customers where id = 1); select $a, $b

-- a temporary table | copied, then read | refused
create temporary table t1 as select ssn as v from customers; select v from t1

-- a view of its own | defined, then read | refused
create view v1 as select ssn as harmless from customers; select harmless from v1

-- a view in place of a table | a known name that means something else now | refused
create or replace view products as select ssn as sku, email as name from customers; select name from products

-- a clone | copied without its classes | refused
create table c2 clone customers; select ssn from c2

-- names exchanged | a table under another's name | refused
alter table customers swap with products; select * from products

-- a column renamed | a class that no longer fits its name | refused
alter table customers rename column ssn to code; select code from customers

-- rows moved | copied into a column that is shown | refused
insert into products(sku, name) select id::varchar, ssn from customers; select name from products

-- rows changed | a harmless column overwritten | refused
update customers set country = ssn where true; select country from customers

-- only the copy | a table of values | held
create table t1 as select ssn as v from customers

-- only the move | rows into another table | held
insert into products(sku, name) select id::varchar, ssn from customers

-- a stream | the rows of a table by another name | refused
create stream st on table customers; select * from st

-- a dynamic table | kept up to date by itself | refused
create dynamic table dt target_lag = '1 hour' warehouse = demo_wh as select ssn from customers

-- another schema | unqualified names that mean something else | masked 1
use schema information_schema; select ssn from customers

-- a role | rights of another role | refused
use role accountadmin; select 1

-- secondary roles | rights of all roles | refused
use secondary roles all

-- a result again | the rows of the last statement | refused
select ssn from customers limit 5; select * from table(result_scan(last_query_id()))

-- a result by number | the rows of some statement | refused
select * from table(result_scan('01b2c3d4-0000-0000-0000-000000000001'))

-- a result described | names and types of some statement | masked
describe result last_query_id()

-- a pipeline | the result of one step in the next | masked 1
select ssn from customers ->> select $1 as v from $1 limit 5

-- a pipeline that cuts | the result of one step, cut | masked 1
select ssn, id from customers ->> select substr($1, 1, 3) as v from $1 limit 5

-- a pipeline that filters | the result of one step, searched | refused
select ssn as v, id from customers ->> select id from $1 where v like '5%'

-- a pipeline over three steps | the step before the last | masked 2
select ssn, id from customers ->> select 1 as one ->> select id, ssn from $2 limit 5

-- a pipeline that defines | a step that does more than read | held
show tables ->> create table t2 as select * from $1

-- a pipeline that drops | a step that does more than read | refused
select 1 ->> drop table customers

-- a pipeline that reads what it wrote | a table filled and shown at once | refused
insert into products(sku, name) select id::varchar, ssn from customers ->> select name from products

-- a pipeline in brackets | a step inside a query | refused
select * from (select ssn from customers ->> select * from $1)

-- dynamic SQL | a statement as a text | refused
execute immediate 'select ssn from customers'

-- dynamic SQL in parts | a statement put together | refused
execute immediate 'select ss' || 'n from customers'

-- dynamic SQL in dollars | a block as a text | refused
execute immediate $$ begin return (select max(ssn) from customers); end $$

-- a block | statements in a script | refused
begin let s varchar := (select max(ssn) from customers); return s; end

-- a cursor | rows one by one in a script | refused
declare c cursor for select ssn from customers; begin open c; return 1; end

-- a procedure | code that nobody sees | refused
call leak('customers', 'ssn')

-- a procedure in the statement | code inside a query | refused
with p as procedure () returns varchar language sql as $$ select max(ssn) from customers $$ call p()

-- a function of its own | code kept for later | refused
create function f() returns varchar as 'select max(ssn) from demo.public.customers'

-- a task | code that runs when nobody looks | refused
create task t schedule = '1 minute' as insert into products select ssn from customers

-- a name put together | a column by a computed name | masked 1
select identifier('ss' || 'n') as v from customers limit 5

-- a table by a text | a table named by a constant | masked 1
select ssn from identifier('demo.public.customers') limit 5

-- a table by a function | a table named by a constant | masked 1
select ssn from table('customers') limit 5

-- a table put together | a table by a computed name | masked 1
select ssn from identifier('cust' || 'omers') limit 5

-- column names from values | a column for each value there is | refused
select * from (select email, id from customers) pivot (count(id) for email in (any order by email))

-- column names from a subquery | a column for each value there is | refused
select * from (select email, id from customers) pivot (count(id) for email in (select email from customers))

-- column names from free text | a column for each text there is | refused
select * from (select notes, id from customers) pivot (count(id) for notes in (any))

-- keys from values | names of members that are values | refused
select object_agg(email, id) as v from customers

-- keys of an object | the names of members that are values | refused
select object_keys(object_agg(ssn, id)) as v from customers

-- an error that quotes | a message with the value in it | refused
select to_number(ssn || 'x') from customers

-- an error in a step | a message with the value in it, from a pipeline | refused
select ssn from customers ->> select $1::number from $1

-- the texts of others | statements with their literals | refused
select query_text from table(information_schema.query_history())

-- variables shown | values kept in the session | masked
set x = 'a'; show variables

-- into a file | rows to a stage | refused
copy into @~/out.csv from (select ssn from customers)

-- into a bucket | rows to somewhere else | refused
copy into 's3://bucket/out' from customers credentials = (aws_key_id = 'x' aws_secret_key = 'y')

-- a link to a file | an address that needs no login | refused
select get_presigned_url(@~, 'out.csv')

-- out of a stage | a file that somebody wrote | masked 1
select $1 from @s/out.csv

-- out of everybody's stage | a file of the user that all agents share | refused
select $1 from @~/out.csv

-- out of another database | a stage that only looks as if it lay here | refused
select count(*) from @hr.private.stage

-- out of another database, in quotes | a location that is a text | refused
select count(*) from '@hr.private.stage/x.csv'

-- a list of files | a directory table of another database | refused
select * from directory(@hr.private.stage)

-- the columns of files | a named argument that is a location | refused
select * from table(infer_schema(location => '@hr.private.stage', file_format => 'f'))

-- a grant | rights for everybody | refused
grant select on table customers to role public

-- a share | rows in another account | refused
create share s

-- a policy removed | Snowflake's own mask taken away | refused
alter table customers modify column ssn unset masking policy

-- a key | a way in that nobody watches | refused
alter user demo set rsa_public_key = 'x'

-- two statements as one | a second statement behind a comment | refused
select 1; -- harmless
drop table customers

-- a statement in a string | a semicolon that splits nothing | refused
select ';'; drop table customers; select '--'

-- a backslash | a quote that ends nothing | masked 1
select ssn as v, '\' ; drop table customers; --' as w from customers limit 5

-- dollars | a text between dollars | masked 1
select ssn as v, $$ ' ; -- $$ as w from customers limit 5

-- a variable in an earlier step | a table named by what the pipeline has just set | refused
set t = 'EMPLOYEES'; set t = 'CUSTOMERS' ->> select id, name from identifier($t)

-- a column set in an earlier step | the same with a column | refused
set col = 'ID'; set col = 'SSN' ->> select identifier($col) as v from customers

-- a schema in an earlier step | a table of a schema that the pipeline has just chosen | refused
use schema demo.hr ->> select id from orders

-- a role in an earlier step | another role for the rest | refused
use role accountadmin ->> select 1

-- secondary roles in an earlier step | more rights for the rest | refused
use secondary roles all ->> select id from orders

-- a role in the last step | another role for what follows | refused
select 1 ->> use role accountadmin

-- users behind tables | an answer that is none of objects, behind one that is | masked
show tables ->> show users

-- variables behind tables | values that the session holds, behind objects | masked
show tables ->> show variables

-- grants behind a transaction | who may do what, behind a status | masked
begin ->> show grants

-- users behind a plan | the same behind a plan | masked
explain select 1 ->> show users

-- a stage of another database behind tables | names of files, behind objects | refused
show tables ->> list @hr.private.stage

-- a stage behind tables | names of files, behind objects | masked
show tables ->> list @s

-- a variable in quotes | whether its name keeps its case is not written down | refused
set c='customers'; set "c"='products'; select name from identifier($c)

-- a role by a text | USE takes IDENTIFIER, and the role is none that was granted | refused
use role identifier('ACCOUNTADMIN')

-- a role by a variable | a name that nobody can tell | refused
use role $x

-- a role in quotes of a text | the same | refused
use role 'ACCOUNTADMIN'

-- a schema by a text | a schema that was not granted | refused
use identifier('SNOWFLAKE.ACCOUNT_USAGE')

-- every role | no such USE is known | refused
use roles all

-- more than a name | UNSET takes names alone | refused
unset x select ssn from customers

-- another database | what a definition changes lies where it lies | refused
drop database snowflake_sample_data

-- a schema of another database | the same of a schema | refused
drop schema snowflake_sample_data.tpch_sf1

-- columns elsewhere | names and comments of a table that may not be read | refused
describe table hr.private.payroll

-- columns elsewhere, listed | the same by another word | refused
show columns in table hr.private.payroll

-- tables elsewhere | a database that may not be used | refused
show tables in database hr

-- schemas elsewhere | the same without its kind | refused
show schemas in hr

-- everything | every database of the account | refused
show views in account

-- a view's text elsewhere | by a name in a text | refused
describe view identifier('hr.private.v')

-- a result that is not named | the columns of another statement, in brackets | masked
describe result ('01a2-3')
