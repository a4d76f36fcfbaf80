"""The trajectory-vocabulary policy family."""

from craft.policies.vocabulary.clustering import build_vocabulary, vocabulary_sha256
from craft.policies.vocabulary.config import VocabularyConfig
from craft.policies.vocabulary.policy import VocabularyPolicy

__all__ = ["VocabularyConfig", "VocabularyPolicy", "build_vocabulary", "vocabulary_sha256"]
