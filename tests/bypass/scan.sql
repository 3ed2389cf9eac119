-- a cut | the text from the middle on | masked 2
select id, substr(notes, 20) as v from customers order by id limit 20

-- its end | the last characters | masked 1
select right(notes, 12) as v from customers limit 20

-- a word | one word of it | masked 1
select split_part(notes, ' ', 4) as v from customers limit 20

-- a word by another function | one word of it | masked 1
select strtok(notes, ' ', 4) as v from customers limit 20

-- all words | its words as an array | masked 1
select split(notes, ' ') as v from customers limit 20

-- reversed | backwards | masked 1
select reverse(notes) as v from customers limit 20

-- in capitals | other letters | masked 1
select upper(notes) as v from customers limit 20

-- without the dashes | without what the detectors look for | masked 1
select replace(notes, '-', '') as v from customers limit 20

-- with letters for digits | other characters for the digits | masked 1
select translate(notes, '0123456789', 'abcdefghij') as v from customers limit 20

-- with something between | a character after each digit | refused
select regexp_replace(notes, '([0-9])', '\\1_') as v from customers limit 20

-- in hexadecimal | another spelling | masked 1
select hex_encode(notes) as v from customers limit 20

-- in base64 | another spelling | masked 1
select base64_encode(notes) as v from customers limit 20

-- as bytes | another type | refused
select to_binary(hex_encode(notes)) as v from customers limit 20

-- hashed | what a dictionary undoes | masked 1
select sha2(notes, 256) as v from customers limit 20

-- hashed to a number | what a dictionary undoes | masked 1
select hash(notes) as v from customers limit 20

-- with a text before | letters that join its first word | masked 1
select 'x' || notes as v from customers limit 20

-- with a number after each row | joined by a function | masked 1
select concat(notes, id) as v from customers limit 20

-- filled up | characters before it | masked 1
select lpad(notes, 200, '7') as v from customers limit 20

-- a fallback | or something else | masked 1
select coalesce(notes, email) as v from customers limit 20

-- an insertion | characters in its middle | refused
select insert(notes, 18, 0, 'x') as v from customers limit 20

-- the greatest | one of all | masked 1
select max(notes) as v from customers

-- by another's order | the text of a chosen row | masked 1
select min_by(notes, id) as v from customers

-- a list | all of them in one | masked 1
select listagg(notes, '') as v from customers

-- an array | all of them in one value | masked 1
select array_agg(notes) as v from customers

-- an object | a member of an object | masked 1
select object_construct('n', notes) as v from customers limit 20

-- the row before | through a window | masked 2
select id, lag(notes) over (order by id) as v from customers order by id limit 20

-- below another column | second arm of a union | masked 1
select upper(segment) as v from customers union all select lower(notes) from customers

-- its length | how long it is | masked 2
select id, length(notes) as v from customers order by id limit 20

-- a place in it | where a character is | refused
select id, position('@' in notes) as v from customers order by id limit 20

-- one character's number | one character as a number | masked 1
select ascii(substr(notes, 17)) as v from customers limit 20

-- how often | how often a digit is in it | refused
select id, regexp_count(notes, '7') as v from customers order by id limit 20

-- a match | what matches a pattern | refused
select regexp_substr(notes, '[0-9]{3}') as v from customers limit 20

-- a similarity | how like a guess | masked 2
select id, jarowinkler_similarity(notes, 'SSN 575-82-0993') as v from customers order by id limit 20

-- a lambda | each element by a function | masked 1
select transform(array_construct(notes), x -> reverse(x)) as v from customers limit 20

-- a star with a replacement | a cut under the column's own name | masked 2
select * replace (substr(notes, 3) as notes) from (select id, notes from customers) limit 20

-- behind a CTE | a cut of a cut | masked 1
with t as (select substr(notes, 2) as n from customers) select substr(n, 2) as v from t limit 20

-- parsed | read as JSON | masked 1
select try_parse_json(notes) as v from customers limit 20

-- a cast that fails | read as a number | refused
select notes::number as v from customers limit 20

-- searched | rows by what the text says | refused
select id from customers where notes like '%SSN 5%'

-- searched without case | rows by what the text says | refused
select id from customers where notes ilike any ('%ssn 5%', '%card 4%')

-- searched by function | rows by what the text says | refused
select count(*) from customers where contains(notes, '@example.com')

-- searched by pattern | rows by what the text says | refused
select id from customers where regexp_like(notes, '.*SSN 5[0-9]+.*')

-- searched from the start | rows by how the text begins | refused
select id from customers where startswith(notes, 'Verified by SSN 5')

-- searched by place | rows by where a character is | refused
select id from customers where charindex('575', notes) > 0

-- asked in a column | a condition as a column | refused
select id, iff(contains(notes, 'SSN 5'), 1, 0) as v from customers

-- asked by a case | a condition as a column | refused
select id, case when notes like '%5%' then 'y' else 'n' end as v from customers

-- counted | a condition counted | refused
select count_if(notes like '%SSN 5%') from customers

-- summed | a condition summed | refused
select sum(decode(substr(notes, 17, 1), '5', 1, 0)) from customers

-- in order | sorted by the text | refused
select id from customers order by notes

-- in order of a part | sorted by a part of the text | refused
select id from customers order by substr(notes, 17, 3)

-- ranked | numbered by the text | refused
select id, row_number() over (order by notes) as v from customers

-- grouped | one row for each text | refused
select count(*) from customers group by notes

-- distinct parts | each part once | refused
select distinct substr(notes, 1, 1) as v from customers

-- joined with guesses | rows that equal a guess | refused
select c.id from customers c join (values ('Verified by SSN 575-82-0993, then reset the password.')) g(v) on c.notes = g.v

-- in a list of guesses | rows that equal a guess | refused
select id from customers where notes in ('Prefers delivery on Saturdays.')

-- cut into rows | a row for each word | refused
select s.value from customers c, lateral split_to_table(c.notes, ' ') s

-- an odd path | a member of a document, cut | masked 1
select substr(profile:tier::string, 2) as v from customers limit 20

-- an element cut | an element of an array, reversed | masked 1
select reverse(profile:tags[0]::string) as v from customers limit 20

-- the document as text | all members as one text | masked 1
select to_json(profile) as v from customers limit 20

-- the document cut | a part of all members as one text | masked 1
select substr(profile::string, 10, 30) as v from customers limit 20

-- its keys | the names in a document | refused
select object_keys(profile) as v from customers limit 20

-- flattened | a row for each member | refused
select f.key, f.value from customers c, lateral flatten(input => c.profile) f

-- a part of the document | without the members that are named | refused
select object_delete(profile, 'ssn', 'email', 'phone', 'address') as v from customers limit 20

-- picked members | some of the members | refused
select object_pick(profile, 'tier', 'ssn') as v from customers limit 20

-- a member searched | rows by a member of the document | refused
select id from customers where profile:tier = 'gold'

-- a member's order | sorted by a member of the document | refused
select id from customers order by profile:visits::number

-- one character | CHAR without a length | refused or masked 1
select notes::char as v from customers limit 5

-- one character of a path | the same of a path | refused or masked 1
select profile:tier::char as v from customers limit 5

-- one character tried | the same by TRY_CAST | masked 1
select try_cast(notes as char) as v from customers limit 5

-- parts turned into rows | UNPIVOT over a part of the text | refused
select id, k from (select id, get(split(notes, 'SSN 5'), 1)::varchar as v from customers) unpivot (x for k in (v))

-- a comment backwards | what somebody wrote about a table, so that no detector knows it | masked 1
show tables ->> select reverse("comment") as v from $1

-- a part of a view | the text of a view, cut | masked 1
show views ->> select substr("text", 3) as v from $1

-- a comment searched | the same in a filter | refused
show tables ->> select "name" from $1 where "comment" like '5%'

-- an escape in a key | a key that upstream may read as another | refused or masked 1
select profile:"ti\u0065r" as v from customers limit 5

-- a letter beyond ASCII in a key | the same by a look-alike | refused or masked 1
select profile:"t⟦0456⟧er" as v from customers limit 5
