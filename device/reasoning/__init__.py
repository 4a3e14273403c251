"""From words to commands: parser, sentences, language model."""
