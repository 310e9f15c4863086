"""The public names of Pavane, imported lazily so that `import pavane` costs next to nothing."""
