//! Which login belongs to which URL, from what was typed.

use secrecy::{ExposeSecret as _, SecretString};

use crate::args::LoginArgs;
use crate::exit;

/// A user and a password.
#[derive(Debug, Clone, Default)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Option<SecretString>,
}

/// The login of the URL at `index` of `count`; `None` where no user was typed.
pub(crate) fn login(args: &LoginArgs, index: usize, count: usize) -> anyhow::Result<Option<Login>> {
    if let Some(both) = of("-O", &args.userpass, index, count)? {
        let (user, password) =
            both.expose_secret().split_once(':').ok_or_else(|| exit::usage("-O takes USER:PASS"))?;
        return Ok(Some(Login { user: user.to_owned(), password: Some(password.into()) }));
    }
    // A password without a user may stand in the environment for other programs' sake.
    let Some(user) = of("-u", &args.user, index, count)? else { return Ok(None) };
    let password = of("-p", &args.pass, index, count)?.cloned();
    Ok(Some(Login { user: user.clone(), password }))
}

/// The value for one of several URLs: a value given once serves all.
fn of<'a, T>(flag: &str, values: &'a [T], index: usize, count: usize) -> anyhow::Result<Option<&'a T>> {
    match values {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        each if each.len() == count => Ok(each.get(index)),
        some => Err(exit::usage(format_args!(
            "{flag} is given {} times for {count} URLs: give it once for all, or once for each in their order",
            some.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(users: &[&str], passes: &[&str], both: &[&str]) -> LoginArgs {
        let secrets = |texts: &[&str]| texts.iter().map(|&text| text.into()).collect();
        LoginArgs {
            user: users.iter().map(|&user| user.to_owned()).collect(),
            pass: secrets(passes),
            userpass: secrets(both),
        }
    }

    fn told(args: &LoginArgs, index: usize, count: usize) -> Option<(String, Option<String>)> {
        let login = login(args, index, count).unwrap()?;
        Some((login.user, login.password.map(|password| password.expose_secret().to_owned())))
    }

    #[test]
    fn one_login_serves_all_and_several_pair_up() {
        let some = |user: &str, password: &str| Some((user.to_owned(), Some(password.to_owned())));
        assert_eq!(told(&args(&["a"], &["x"], &[]), 1, 2), some("a", "x"));
        assert_eq!(told(&args(&["a", "b"], &["x"], &[]), 1, 2), some("b", "x"));
        assert_eq!(told(&args(&["a", "b"], &["x", "y"], &[]), 0, 2), some("a", "x"));
        assert_eq!(told(&args(&[], &["from the environment"], &["a:b:c"]), 1, 2), some("a", "b:c"));
        assert_eq!(told(&args(&["a"], &[], &[]), 0, 1), Some(("a".to_owned(), None)));
        assert_eq!(told(&args(&[], &["x"], &[]), 0, 1), None);
    }

    #[test]
    fn other_numbers_are_refused_without_telling_a_secret() {
        for bad in [
            args(&["a", "b"], &[], &[]),
            args(&["a"], &["canary", "canary"], &[]),
            args(&[], &[], &["canary"]),
        ] {
            let error = login(&bad, 0, 3).unwrap_err().to_string();
            assert!(error.starts_with('-') && !error.contains("canary"), "{error}");
            assert!(!format!("{bad:?}").contains("canary"), "{bad:?}");
        }
    }
}
