//! What every door reads of a request, whatever its protocol: who says it is, how its body comes, what its members are and what is
//! told beside a statement. And what of it is refused before anybody was identified ([`rejected`]), which each door prints in
//! its own words. Section numbers are those of `sqlapi`.

pub(crate) mod body;
pub(crate) mod clues;
pub(crate) mod headers;
pub(crate) mod members;
pub(crate) mod percent;
pub(crate) mod rejected;
pub(crate) mod statement;
