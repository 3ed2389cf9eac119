//! Total functions: whatever value of its type they are given, they answer, and at once. A closed list.
//!
//! SECURITY: being listed is a promise. A masked column may stand in these without being tested, so neither
//! failing nor running long may depend on the value. What is not sure is not here. Three things are left to
//! lineage, which sees the arguments: how large the answer is, whether what picks a place or a key is constant,
//! and whether what must be an array surely is one.

/// Whether the function answers whatever it is given.
pub(super) fn is_total(name: &str) -> bool {
    match name {
        // Texts, cut, joined, turned, measured.
        "UPPER"
        | "LOWER"
        | "INITCAP"
        | "SUBSTR"
        | "SUBSTRING"
        | "LEFT"
        | "RIGHT"
        | "REVERSE"
        | "CONCAT"
        | "CONCAT_WS"
        | "TRIM"
        | "LTRIM"
        | "RTRIM"
        | "REPLACE"
        | "TRANSLATE"
        | "LENGTH"
        | "LEN"
        | "OCTET_LENGTH"
        | "BIT_LENGTH"
        | "RTRIMMED_LENGTH"
        | "ASCII"
        | "UNICODE"
        | "SOUNDEX"
        | "SOUNDEX_P123"
        | "SPLIT"
        | "SPLIT_PART"
        | "STRTOK"
        | "STRTOK_TO_ARRAY"
        | "COLLATE"
        | "COLLATION"
        | "JAROWINKLER_SIMILARITY" => true,
        // Digests and encodings.
        "MD5" | "MD5_HEX" | "MD5_BINARY" | "MD5_NUMBER" | "MD5_NUMBER_LOWER64" | "MD5_NUMBER_UPPER64"
        | "SHA1" | "SHA1_HEX" | "SHA1_BINARY" | "SHA2" | "SHA2_HEX" | "SHA2_BINARY" | "HASH"
        | "HEX_ENCODE" | "BASE64_ENCODE" | "COMPRESS" => true,
        // The first that is not NULL. Where their types differ, one is converted: lineage looks at that.
        "COALESCE" | "NVL" | "IFNULL" => true,
        // Any value has a text and is a VARIANT.
        "TO_VARCHAR" | "TO_CHAR" | "TO_JSON" | "TO_VARIANT" | "TO_ARRAY" | "TYPEOF" | "SYSTEM$TYPEOF" => true,
        // Objects and arrays, made and looked into.
        "OBJECT_CONSTRUCT"
        | "OBJECT_CONSTRUCT_KEEP_NULL"
        | "ARRAY_CONSTRUCT"
        | "ARRAY_CONSTRUCT_COMPACT"
        | "ARRAY_SIZE"
        | "GET"
        | "GET_PATH"
        | "GET_IGNORE_CASE" => true,
        // Functions of arrays: total over what surely is one.
        "ARRAY_APPEND" | "ARRAY_PREPEND" | "ARRAY_CAT" | "ARRAY_COMPACT" | "ARRAY_DISTINCT"
        | "ARRAY_REVERSE" | "ARRAY_SLICE" | "ARRAY_TO_STRING" | "TRANSFORM" | "FILTER" => true,
        // What a VARIANT holds, and it itself if it is that.
        "IS_ARRAY" | "IS_BINARY" | "IS_BOOLEAN" | "IS_CHAR" | "IS_VARCHAR" | "IS_DATE" | "IS_DATE_VALUE"
        | "IS_DECIMAL" | "IS_DOUBLE" | "IS_REAL" | "IS_INTEGER" | "IS_OBJECT" | "IS_TIME"
        | "IS_TIMESTAMP_LTZ" | "IS_TIMESTAMP_NTZ" | "IS_TIMESTAMP_TZ" | "AS_ARRAY" | "AS_BINARY"
        | "AS_BOOLEAN" | "AS_CHAR" | "AS_VARCHAR" | "AS_DATE" | "AS_OBJECT" | "AS_TIME"
        | "AS_TIMESTAMP_LTZ" | "AS_TIMESTAMP_NTZ" | "AS_TIMESTAMP_TZ" => true,
        // Conversions that answer NULL where they fail.
        "TRY_CAST"
        | "TRY_TO_NUMBER"
        | "TRY_TO_NUMERIC"
        | "TRY_TO_DECIMAL"
        | "TRY_TO_DECFLOAT"
        | "TRY_TO_DOUBLE"
        | "TRY_TO_DATE"
        | "TRY_TO_TIME"
        | "TRY_TO_TIMESTAMP"
        | "TRY_TO_TIMESTAMP_NTZ"
        | "TRY_TO_TIMESTAMP_LTZ"
        | "TRY_TO_TIMESTAMP_TZ"
        | "TRY_TO_BOOLEAN"
        | "TRY_TO_BINARY"
        | "TRY_TO_UUID"
        | "TRY_PARSE_JSON"
        | "TRY_HEX_DECODE_STRING"
        | "TRY_HEX_DECODE_BINARY"
        | "TRY_BASE64_DECODE_STRING"
        | "TRY_BASE64_DECODE_BINARY"
        | "CHECK_JSON"
        | "CHECK_XML" => true,
        // Numbers.
        "ABS" | "ROUND" | "FLOOR" | "CEIL" | "TRUNC" | "TRUNCATE" => true,
        // The moment and the session; they take no value of a column.
        "CURRENT_DATE"
        | "CURRENT_TIME"
        | "CURRENT_TIMESTAMP"
        | "LOCALTIME"
        | "LOCALTIMESTAMP"
        | "GETDATE"
        | "SYSDATE"
        | "SYSTIMESTAMP"
        | "CURRENT_USER"
        | "CURRENT_ROLE"
        | "CURRENT_ROLE_TYPE"
        | "CURRENT_SECONDARY_ROLES"
        | "CURRENT_AVAILABLE_ROLES"
        | "CURRENT_WAREHOUSE"
        | "CURRENT_DATABASE"
        | "CURRENT_SCHEMA"
        | "CURRENT_SCHEMAS"
        | "CURRENT_ACCOUNT"
        | "CURRENT_ACCOUNT_NAME"
        | "CURRENT_ORGANIZATION_NAME"
        | "CURRENT_ORGANIZATION_USER"
        | "CURRENT_REGION"
        | "CURRENT_SESSION"
        | "CURRENT_STATEMENT"
        | "CURRENT_TRANSACTION"
        | "CURRENT_VERSION"
        | "CURRENT_CLIENT"
        | "INVOKER_ROLE"
        | "INVOKER_SHARE"
        | "LAST_TRANSACTION" => true,
        // Numbers out of nothing.
        "RANDOM" | "SEQ1" | "SEQ2" | "SEQ4" | "SEQ8" | "PI" => true,
        _ => false,
    }
}
