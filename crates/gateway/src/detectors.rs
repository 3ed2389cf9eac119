//! From what a bundle says of the content detectors to the detectors themselves.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::Digest;
use masking::{DetectorSet, Detectors, Kind, Stance, Subject, Tuning};
use policy::Bundle;

/// The detectors of a bundle: nothing switched off that it does not switch off, and with its own.
///
/// A name or pattern that `masking` does not know ends in more being masked, never in less; the bundle's own validation
/// has refused both.
pub fn detectors_of(bundle: &Bundle) -> Detectors {
    let policy::Detectors { off, tuned, custom, results } = bundle.detectors();
    let mut set = DetectorSet::all();
    for kind in off.iter().filter_map(|name| Kind::of_detector(name)) {
        set = set.without(kind);
    }
    for policy::TunedDetector { name, needs_context, min_length, rule } in tuned {
        let Some(kind) = Kind::of_detector(name) else { continue };
        let least = usize::try_from(*min_length).unwrap_or(usize::MAX);
        set = set.tuned(kind, Tuning { needs_context: *needs_context, least, rule: rule.clone() });
    }
    for policy::CustomDetector { name: _, pattern, context, rule } in custom {
        set = set.with_custom(masking::CustomDetector {
            pattern: pattern.clone(),
            context: context.clone(),
            rule: rule.clone(),
        });
    }
    let policy::Results { instructions, hidden_text, links } = results;
    let set = set
        .with_stance(Subject::Instructions, stance(*instructions))
        .with_stance(Subject::HiddenText, stance(*hidden_text))
        .with_stance(Subject::Links, stance(*links));
    Detectors::with(set)
}

const fn stance(stance: policy::Stance) -> Stance {
    match stance {
        policy::Stance::Off => Stance::Off,
        policy::Stance::Flag => Stance::Flag,
        policy::Stance::Strip => Stance::Strip,
    }
}

/// The detectors of the bundle in force, made once for each bundle.
#[derive(Default)]
pub(crate) struct DetectorsInForce(Mutex<Option<(Digest, Detectors)>>);

impl DetectorsInForce {
    /// The detectors of that bundle.
    pub fn of(&self, bundle: &Bundle) -> Detectors {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some((digest, detectors)) if *digest == bundle.digest() => detectors.clone(),
            Some(_) | None => {
                let detectors = detectors_of(bundle);
                *kept = Some((bundle.digest(), detectors.clone()));
                detectors
            }
        }
    }

    /// The detectors for something that was decided under the bundle with that digest: this bundle's, or, if it is
    /// another one by now, this bundle's at their strictest.
    pub fn of_decided(&self, bundle: &Arc<Bundle>, decided: Option<&str>) -> Detectors {
        let detectors = self.of(bundle);
        let is_same = decided.is_some_and(|decided| bundle.digest().to_string() == decided);
        if is_same { detectors } else { detectors.at_their_strictest() }
    }
}

impl fmt::Debug for DetectorsInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DetectorsInForce(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// The built-in bundle with these lines in the place of its `[detectors]`.
    fn bundle(detectors: &str) -> Bundle {
        let mut files: BTreeMap<String, Vec<u8>> = policy::default_files();
        let catalog = String::from_utf8(files["catalog.toml"].clone()).unwrap();
        let (head, _) = catalog.split_once("[detectors]").unwrap();
        files.insert("catalog.toml".to_owned(), format!("{head}{detectors}").into_bytes());
        Bundle::parse(&files).unwrap()
    }

    #[test]
    fn a_bundle_names_exactly_the_detectors_that_there_are() {
        let named: BTreeSet<(String, bool)> =
            policy::BUILT_IN_DETECTORS.iter().map(|(name, has)| ((*name).to_owned(), *has)).collect();
        let known: BTreeSet<(String, bool)> = Kind::ALL
            .into_iter()
            .filter(|kind| kind.is_detector())
            .map(|kind| (kind.as_str().to_lowercase(), kind.has_context()))
            .collect();
        assert_eq!(named, known);
        assert_eq!(policy::LARGEST_PATTERN, masking::LARGEST_PATTERN);
        assert_eq!(policy::MOST_CUSTOM, masking::MOST_CUSTOM);
    }

    #[test]
    fn what_a_bundle_says_of_the_detectors_holds() {
        let in_force = DetectorsInForce::default();
        let tuned = Arc::new(bundle(
            "[detectors]\noff = ['email']\n[detectors.tune.card]\nclass = 'card'\n\
             [[detectors.custom]]\nname = 'staff'\nliteral = 'E'\nshape = '999999'\nclass = 'person'\n",
        ));
        let text = "E123456 has ana@example.com and 4111111111111111";
        let decided = tuned.digest().to_string();
        assert_eq!(
            in_force.of_decided(&tuned, Some(&decided)).redact_text(text, ""),
            "[PERSON] has ana@example.com and ****1111"
        );
        // What was decided under another bundle is looked at by every detector.
        assert_eq!(
            in_force.of_decided(&tuned, Some("sha256:0")).redact_text(text, ""),
            "[PERSON] has [EMAIL] and ****1111"
        );
        let standard = bundle("[detectors]\n");
        assert_eq!(in_force.of(&standard).redact_text(text, ""), "E123456 has [EMAIL] and [CARD]");
    }
}
